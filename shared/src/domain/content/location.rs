//! `location`: a point on the earth, with a name and an address.

use super::{Fields, UNLIMITED};
use crate::domain::fault::FaultCode;
use serde_json::Value;

/// Also checks a template's location parameter.
pub(super) fn check(parent: &mut Fields<'_>) {
    let Some(mut location) = parent.required_object("location") else {
        return;
    };
    check_degrees(&mut location, "latitude", 90.0);
    check_degrees(&mut location, "longitude", 180.0);
    location.text("name", 0..=UNLIMITED);
    location.text("address", 0..=UNLIMITED);
    location.finish();
}

/// Meta takes degrees as a number and as a text that holds one.
fn check_degrees(location: &mut Fields<'_>, name: &'static str, most: f64) {
    let Some(value) = location.required(name) else {
        return;
    };
    let degrees = match value {
        Value::String(text) if location.awaits_filling(text) => return,
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.as_f64(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    match degrees.filter(|degrees: &f64| degrees.is_finite()) {
        None => location.fault(name, FaultCode::WrongType, "must be a number of degrees"),
        Some(degrees) if degrees.abs() > most => {
            let detail = format!("must be between -{most} and {most}");
            location.fault(name, FaultCode::OutOfRange, detail);
        }
        Some(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::content::tests::{accepts, refuses};
    use crate::domain::fault::FaultCode::{OutOfRange, Required, UnknownField, WrongType};
    use serde_json::json;

    #[test]
    fn a_location_lies_on_the_earth() {
        accepts("location", json!({"latitude": 90, "longitude": -180.0}));
        accepts(
            "location",
            json!({"latitude": "37.48", "longitude": "-122.14", "name": "HQ", "address": "1 Way"}),
        );
        for (latitude, longitude, field, code) in [
            (json!(90.1), json!(0), "latitude", OutOfRange),
            (json!(0), json!("-180.1"), "longitude", OutOfRange),
            (json!("north"), json!(0), "latitude", WrongType),
            (json!("NaN"), json!(0), "latitude", WrongType),
            (json!(0), json!([1]), "longitude", WrongType),
            (json!(0), json!(null), "longitude", Required),
        ] {
            let object = json!({"latitude": latitude, "longitude": longitude});
            refuses("location", object, &format!("/location/{field}"), code);
        }
        let extra = json!({"latitude": 0, "longitude": 0, "zoom": 3});
        refuses("location", extra, "/location/zoom", UnknownField);
    }
}

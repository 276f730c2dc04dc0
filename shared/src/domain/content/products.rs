//! Products of a catalog, in the sections that Meta shows them in.
//!
//! Source: Meta, "Multi-product messages": up to 30 products in up to 10 sections, titled where there are several.

use super::Fields;
use crate::domain::fault::FaultCode;

const SECTIONS: usize = 10;
const SECTION_TITLE: usize = 24;
const PRODUCTS: usize = 30;

/// Reads the `sections` of an `action`. What else stands in them is Meta's to judge.
pub(super) fn check_sections(action: &mut Fields<'_>) {
    let sections = action.objects("sections", 1..=SECTIONS);
    let several = sections.len() > 1;
    let mut products = 0;
    for mut section in sections {
        if several {
            section.required("title");
        }
        section.text("title", 1..=SECTION_TITLE);
        products += section
            .required_objects("product_items", 1..=PRODUCTS)
            .len();
    }
    if products > PRODUCTS {
        let detail = format!("has {products} products in all, at most {PRODUCTS} are allowed");
        action.fault("sections", FaultCode::TooMany, detail);
    }
}

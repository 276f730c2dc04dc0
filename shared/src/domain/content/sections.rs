//! The sections of a list: of rows, or of products of a catalog.
//!
//! Source: Meta, "Interactive list messages" and "Multi-product messages": up to 10 sections, titled where there are
//! several, with up to 30 products in all.

use super::Fields;
use crate::domain::fault::FaultCode;

const SECTIONS: usize = 10;
const SECTION_TITLE: usize = 24;
const PRODUCTS: usize = 30;

/// The `sections` of an `action`; the title of each is read when its turn comes.
pub(super) fn titled<'a>(action: &mut Fields<'a>) -> impl Iterator<Item = Fields<'a>> + use<'a> {
    let sections = action.objects("sections", 1..=SECTIONS);
    let several = sections.len() > 1;
    sections.into_iter().map(move |mut section| {
        if several {
            section.required("title");
        }
        section.text("title", 1..=SECTION_TITLE);
        section
    })
}

/// Reads how many products stand in the `sections` of an `action`. What else stands there is Meta's to judge.
pub(super) fn check_products(action: &mut Fields<'_>) {
    let products: usize = titled(action)
        .map(|mut section| {
            section
                .required_objects("product_items", 1..=PRODUCTS)
                .len()
        })
        .sum();
    if products > PRODUCTS {
        let detail = format!("has {products} products in all, at most {PRODUCTS} are allowed");
        action.fault("sections", FaultCode::TooMany, detail);
    }
}

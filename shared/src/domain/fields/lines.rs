//! Texts that people are to see.

use super::Fields;
use crate::domain::characters;
use crate::domain::fault::FaultCode;
use std::ops::RangeInclusive;

impl<'a> Fields<'a> {
    /// What people call something: one line, of which something can be seen.
    pub fn line(&mut self, name: &'static str, length: RangeInclusive<usize>) -> Option<&'a str> {
        let text = self.text(name, length)?;
        if characters::is_blank(text) || !characters::is_one_line(text) {
            let detail = "must be one line that can be seen, without characters that turn it round";
            self.fault(name, FaultCode::Invalid, detail);
            return None;
        }
        Some(text)
    }

    /// As [`Self::line`], but a fault if absent.
    pub fn required_line(
        &mut self,
        name: &'static str,
        length: RangeInclusive<usize>,
    ) -> Option<&'a str> {
        self.required(name)?;
        self.line(name, length)
    }

    /// As [`Self::required_text`], but a fault if nothing of it can be seen.
    pub fn required_visible_text(
        &mut self,
        name: &'static str,
        length: RangeInclusive<usize>,
    ) -> Option<&'a str> {
        let text = self.required_text(name, length)?;
        if characters::is_blank(text) {
            let detail = "must hold something that can be seen";
            self.fault(name, FaultCode::Invalid, detail);
            return None;
        }
        Some(text)
    }
}

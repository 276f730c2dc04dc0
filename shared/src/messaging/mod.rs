//! Use cases that two or more functions need: submit a message, have it depart, attempt to send it, receive what a webhook
//! brings.
//!
//! Each fetches, asks a rule of `domain`, and writes what it decided.

pub mod attempt;
pub mod credentials;
pub mod departures;
pub mod health;
pub mod held;
pub mod overdue;
pub mod pace;
pub mod people;
pub mod receive;
pub mod recipients;
pub mod submit;

#[cfg(test)]
mod tests;

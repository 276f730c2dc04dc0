//! x
/// x
#[derive(Debug, Clone)]
pub struct SecretText(String);
impl SecretText {
    /// x
    pub fn new(t: String) -> Self { Self(t) }
}

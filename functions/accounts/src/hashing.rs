//! What is kept of a password: argon2id with OWASP's parameters (19 MiB, two passes) and a salt of its own.
//!
//! One piece of memory serves every hash. The library takes and frees its own each time, so many and so oddly aligned that
//! the allocator finds no use for the last one: a function would be out of memory after a dozen people signed in.

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use heliograph::domain::secret::SecretText;
use std::sync::{Mutex, PoisonError};
use uuid::Uuid;

type Result<T> = std::result::Result<T, argon2::password_hash::Error>;

/// What nobody's password leaves, with the same cost: whether there is such a person must not be told by the time an
/// answer takes.
pub(crate) const OF_NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

static MEMORY: Mutex<Vec<Block>> = Mutex::new(Vec::new());

/// What is to be kept of a password.
pub(crate) fn hashed(password: &SecretText) -> Result<String> {
    let salt = Salt::new(Uuid::new_v4().as_bytes())?;
    let params = Params::default();
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&params)?,
        hash: Some(derived(password, &salt, params)?),
        salt: Some(salt),
    };
    Ok(hash.to_string())
}

/// Whether this is the password of which that is kept.
pub(crate) fn fits(password: &SecretText, kept: &str) -> Result<bool> {
    let kept = PasswordHash::new(kept)?;
    let (Some(salt), Some(expected)) = (&kept.salt, kept.hash) else {
        return Ok(false);
    };
    // Compared in constant time.
    Ok(derived(password, salt, Params::try_from(&kept)?)? == expected)
}

fn derived(password: &SecretText, salt: &Salt, params: Params) -> Result<Output> {
    let mut memory = MEMORY.lock().unwrap_or_else(PoisonError::into_inner);
    memory.resize(params.block_count(), Block::new());
    let mut derived = [0; Params::DEFAULT_OUTPUT_LEN];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let password = password.expose().as_bytes();
    argon2.hash_password_into_with_memory(password, salt, &mut derived, memory.as_mut_slice())?;
    // What stands there tells of the password.
    memory.fill(Block::new());
    Ok(Output::new(&derived)?)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use argon2::{PasswordHasher, PasswordVerifier};

    fn password(text: &str) -> SecretText {
        SecretText::new(text)
    }

    #[test]
    fn a_password_is_kept_as_argon2id_leaves_it_and_each_time_otherwise() {
        let horse = password("correct horse battery");
        let kept = hashed(&horse).unwrap();
        let begins = "$argon2id$v=19$m=19456,t=2,p=1$";
        assert!(kept.starts_with(begins), "{kept}");
        assert_ne!(kept, hashed(&horse).unwrap());
        assert!(fits(&horse, &kept).unwrap());
        assert!(!fits(&password("correct horse batterY"), &kept).unwrap());
        assert!(!fits(&horse, OF_NOBODY).unwrap());
        assert!(fits(&horse, "$argon2id$v=19$").is_err());
    }

    #[test]
    fn what_the_library_keeps_fits_and_what_we_keep_fits_there() {
        let horse = password("correct horse battery");
        let bytes = horse.expose().as_bytes();
        let theirs = Argon2::default().hash_password(bytes).unwrap();
        assert!(fits(&horse, &theirs.to_string()).unwrap());
        let ours = hashed(&horse).unwrap();
        let verified = Argon2::default().verify_password(bytes, ours.as_str());
        assert!(verified.is_ok());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn many_passwords_take_the_memory_of_one() {
        let pages = || {
            let text = std::fs::read_to_string("/proc/self/statm").unwrap();
            let resident = text.split_whitespace().nth(1).unwrap();
            resident.parse::<usize>().unwrap()
        };
        let horse = password("correct horse battery");
        hashed(&horse).unwrap();
        let before = pages();
        for _ in 0..20 {
            hashed(&horse).unwrap();
        }
        // In pages of 4 KiB. Tests beside this one have the library hash a few times.
        let of_one = Params::DEFAULT_M_COST as usize / 4;
        let grown = pages().saturating_sub(before);
        assert!(grown < 5 * of_one, "{grown} pages");
    }
}

//! How often somebody may try to sign in: counted before anything is looked at, alike for whom there is and whom not.

use heliograph::service::clock;
use heliograph::service::origin::Origin;
use heliograph::service::problem::Problem;
use heliograph::store::Store;
use jiff::Timestamp;

/// Tries are counted over windows of so many seconds.
const WINDOW: i64 = 900;

/// Tries in a window for one address from one place: a person who mistypes.
const FOR_A_PERSON: u64 = 10;

/// Tries for one address from everywhere, and from one place for every address: somebody who guesses.
const FOR_A_GUESSER: u64 = 100;

/// Counts a try; a refusal if it is one too many.
pub(crate) async fn count(store: &Store, email: &str, origin: &Origin) -> Result<(), Problem> {
    let place = origin.0.as_deref().unwrap_or("-");
    let now = clock::now().as_second();
    let until = now - now.rem_euclid(WINDOW) + WINDOW;
    let end = Timestamp::from_second(until).unwrap_or(Timestamp::MAX);
    for (what, most) in [
        (format!("{place} {email}"), FOR_A_PERSON),
        (format!("- {email}"), FOR_A_GUESSER),
        (format!("{place} -"), FOR_A_GUESSER),
    ] {
        if store.count_try(&what, end).await? > most {
            let wait = u32::try_from(until - now).unwrap_or(u32::MAX);
            return Err(Problem::too_many_tries(wait));
        }
    }
    Ok(())
}

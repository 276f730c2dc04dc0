//! What stands in the way of a step: something that Meta does not take, that Meta could not be asked, or a problem of ours.

use heliograph::domain::account::StepFault;
use heliograph::domain::failure::{Class, ProviderFailure};
use heliograph::domain::fault::{Fault, FaultCode};
use heliograph::domain::provider::Provider;
use heliograph::service::problem::Problem;
use heliograph::store::StoreError;

/// Source: Meta, "Cloud API error codes".
const TOO_MANY_REGISTRATIONS: i64 = 133_016;

/// Why something cannot be done.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// Meta was asked and does not take this field.
    Refused {
        /// The field, as a JSON pointer.
        pointer: &'static str,
        /// What is wrong, and what to do.
        fault: StepFault,
        /// What Meta said, if it was an error.
        failure: Option<Box<ProviderFailure>>,
    },
    /// Whatever else.
    Problem(Box<Problem>),
}

impl Trouble {
    /// Meta does not take this field.
    pub(crate) fn refused(
        pointer: &'static str,
        detail: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::Refused {
            pointer,
            fault: StepFault {
                detail: detail.into(),
                remedy: remedy.into(),
            },
            failure: None,
        }
    }

    /// The same, if that is what Meta's error means; one that may pass is none of the field's.
    pub(crate) fn of_failure(
        failure: ProviderFailure,
        pointer: &'static str,
        detail: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        if failure.is_retryable() {
            return Self::unasked(failure);
        }
        let fault = StepFault {
            detail: detail.into(),
            remedy: remedy.into(),
        };
        // What the code means for a message is not what it means here.
        let failure = ProviderFailure {
            message: fault.detail.clone(),
            remedy: fault.remedy.clone(),
            ..failure
        };
        Self::Refused {
            pointer,
            fault,
            failure: Some(Box::new(failure)),
        }
    }

    /// Meta could not be asked, or says no without a field to blame.
    pub(crate) fn unasked(failure: ProviderFailure) -> Self {
        unasked(Provider::Meta, failure).into()
    }
}

/// A provider could not be asked, or says no without a field to blame.
pub(crate) fn unasked(provider: Provider, failure: ProviderFailure) -> Problem {
    Problem::provider(provider.as_str(), told_of_an_order(provider, failure))
}

/// What to do about a failure of something that is no message: no status tells what came of it, nothing tries it again.
fn told_of_an_order(provider: Provider, failure: ProviderFailure) -> ProviderFailure {
    let title = provider.title();
    let (message, remedy) = match failure.class {
        Class::Ambiguous => (
            format!("{title} failed, or did not answer, and may have done it"),
            "look whether it is done, and ask again if it is not",
        ),
        Class::Transient => (
            failure.message,
            "ask again in a while; if it lasts, look at the provider's status page",
        ),
        // Its own remedy names how long.
        Class::Throttled if failure.code != Some(TOO_MANY_REGISTRATIONS) => {
            (failure.message, "ask again in a while")
        }
        Class::Throttled
        | Class::Credential
        | Class::Permanent
        | Class::Recipient
        | Class::Template
        | Class::Policy => return failure,
    };
    ProviderFailure {
        message,
        remedy: remedy.to_owned(),
        ..failure
    }
}

impl From<Problem> for Trouble {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Problem::from(error).into()
    }
}

impl From<Trouble> for Problem {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Refused {
                pointer,
                fault,
                failure,
            } => {
                let fault = Fault {
                    pointer: pointer.to_owned(),
                    code: FaultCode::Refused,
                    detail: format!("{}; {}", fault.detail, fault.remedy),
                };
                Self::refused_by_provider(
                    Provider::Meta.as_str(),
                    fault,
                    failure.map(|failure| *failure),
                )
            }
            Trouble::Problem(problem) => *problem,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_of_an_order_speaks_of_no_message() {
        for code in [1, 2, 4, 100, 133_004, 131_000, 4_711] {
            let failure = ProviderFailure::from_meta(code, &[]);
            let told = told_of_an_order(Provider::Meta, failure.clone());
            assert_eq!((told.class, told.code), (failure.class, failure.code));
            let words = format!("{} {}", told.message, told.remedy);
            for of_messages in ["message", "status to settle", "it is tried again"] {
                assert!(!words.contains(of_messages), "{code}: {words}");
            }
        }
    }

    #[test]
    fn a_failure_that_says_what_to_do_keeps_its_words() {
        for code in [190, 133_005, 133_006, 133_016] {
            let failure = ProviderFailure::from_meta(code, &[]);
            assert_eq!(told_of_an_order(Provider::Meta, failure.clone()), failure);
        }
    }
}

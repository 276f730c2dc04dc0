//! What a function holds after its samples in `events/` have been brought to it again and again.

use crate::functions::FUNCTIONS;
use crate::lambda::Lambda;
use crate::process;
use crate::scale::Scale;
use crate::table::Table;
use anyhow::Result;
use tests::samples_of;

/// Those that are measured with events of their own.
const MEASURED: [&str; 4] = ["webhook", "dispatch", "deliver", "tally"];

/// Brings its samples to every function that is not measured otherwise.
pub(crate) async fn measure(
    scale: &Scale,
    table: &mut Table,
    variables: &[(String, String)],
) -> Result<()> {
    let others = FUNCTIONS.iter().filter(|it| !MEASURED.contains(it));
    for function in others {
        let samples = samples_of(function);
        let mut lambda = Lambda::start(function, variables).await?;
        let mut answered = 0;
        for sample in samples.iter().cycle().take(scale.samples) {
            // What a sample names need not be here: then it is an error of the function's that it has to tell.
            answered += usize::from(lambda.invoke(&sample.event).await.is_ok());
        }
        let answered = format!("{answered} of {}", scale.samples);
        table.fact(
            &format!("{function}: samples brought that it answered"),
            &answered,
        );
        table.at_most(
            &format!("{function}: memory, the most there was"),
            process::peak_memory(lambda.pid()?)?,
            64.0,
            "MB",
        );
    }
    Ok(())
}

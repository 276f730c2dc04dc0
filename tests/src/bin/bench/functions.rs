//! Each function's binary: its size, what of it is uploaded, how soon it asks for work, and what it holds then.

use crate::desk::binary;
use crate::lambda::Lambda;
use crate::load::Timings;
use crate::process;
use crate::scale::Scale;
use crate::table::{Table, ms, number, shown};
use anyhow::Result;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use heliograph::domain::provider::Gateway;
use std::io::Write;
use std::path::Path;

/// Every function of the stack.
pub(crate) const FUNCTIONS: [&str; 10] = [
    "send", "webhook", "ingest", "dispatch", "deliver", "tally", "api", "accounts", "schedule",
    "rotate",
];
/// What a zip file with one entry named `bootstrap` has around the compressed bytes.
const ZIP_FRAME: usize = 116;

pub(crate) async fn measure(scale: &Scale, table: &mut Table) -> Result<()> {
    table.part("Each function's release binary; nothing answers at its AWS endpoints");
    for function in FUNCTIONS {
        let (size, zipped) = sizes(&binary(function)?)?;
        let nowhere = "http://127.0.0.1:1";
        let variables = addresses(nowhere, |queue| format!("{nowhere}/{queue}"));
        // The first start reads the binary from the disk.
        drop(Lambda::start(function, &variables).await?);
        let mut polls = Vec::new();
        let mut memory = 0.0;
        for _ in 0..scale.polls {
            let lambda = Lambda::start(function, &variables).await?;
            polls.push(lambda.first_poll);
            memory = process::memory(lambda.pid()?)?;
        }
        let poll = ms(Timings::of(polls).median());
        table.at_most(
            &format!("{function}: exec to first poll (median)"),
            poll,
            8.0,
            "ms",
        );
        // As AWS counts: its quota of 250 MB is 262,144,000 bytes.
        let zip = number(zipped) / 1_048_576.0;
        table.at_most(&format!("{function}: zip"), zip, 4.0, "MB");
        let sizes = format!("{function}: binary; memory at the first poll");
        let sizes_shown = format!(
            "{}, {}",
            shown(number(size) / 1e6, "MB"),
            shown(memory, "MB")
        );
        table.fact(&sizes, &sizes_shown);
    }
    Ok(())
}

/// The variables of all functions that say where things are; each reads its own.
pub(crate) fn addresses(graph: &str, queue: impl Fn(&str) -> String) -> Vec<(String, String)> {
    let gateways = Gateway::ALL.iter().map(|gateway| {
        let url = format!("{graph}/{}", gateway.as_str());
        (gateway.variable(), url)
    });
    let names = [
        ("MESSAGES_TABLE", "heliograph-messages"),
        ("LOGS_TABLE", "heliograph-logs"),
        ("SECRETS_PREFIX", "heliograph"),
        ("GRAPH_URL", graph),
        ("GRAPH_VERSION", "v25.0"),
        ("WEBHOOK_URL", "http://127.0.0.1:1"),
        ("ROTATE_FUNCTION_ARN", "heliograph-rotate"),
    ];
    let queues = ["otp", "single", "bulk", "dispatch", "inbound", "status"];
    let queues = queues.map(|name| (format!("{}_QUEUE_URL", name.to_uppercase()), queue(name)));
    let names = names.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let names = names.into_iter().chain(gateways);
    names.chain(queues).collect()
}

/// The size of a file, and of a zip file with it alone.
fn sizes(path: &Path) -> Result<(usize, usize)> {
    let bytes = std::fs::read(path)?;
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&bytes)?;
    Ok((bytes.len(), encoder.finish()?.len() + ZIP_FRAME))
}

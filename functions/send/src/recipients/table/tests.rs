//! A file of recipients as promises: each of its rows is read as it was meant, or told of.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use super::*;
use serde_json::json;

fn job(text: &str) -> Job {
    let body = json!({"type": "text", "text": {"body": text}});
    let message = serde_json::from_value(json!({"kind": "text", "body": body}));
    Job::draft(
        "demo".parse().unwrap(),
        "acct_demo".parse().unwrap(),
        "100000000000001".parse().unwrap(),
        "spring".to_owned(),
        message.unwrap(),
        Timestamp::UNIX_EPOCH,
    )
}

fn lines(file: &str) -> Vec<Line> {
    let job = job("Hello {{name}}");
    let table = Table::open(file, &job, Timestamp::UNIX_EPOCH);
    table.unwrap().collect()
}

/// The rows that were taken, each with its text.
fn taken(lines: &[Line]) -> Vec<(u64, String)> {
    let taken = lines.iter().filter_map(|line| {
        let variables = line.read.as_ref().ok()?.variables.clone()?;
        let name = variables.get("name")?.as_str()?.to_owned();
        Some((line.place, name))
    });
    taken.collect()
}

/// The rows that were not, each with the last one that went with it.
fn refused(lines: &[Line]) -> Vec<(u64, u64)> {
    let refused = lines.iter().filter_map(|line| {
        let fault = line.read.as_ref().err()?.first()?;
        let last = fault.last_row.unwrap_or(line.place);
        assert_eq!(fault.row, Some(line.place));
        assert_eq!(line.count, 1 + last - line.place, "{fault:?}");
        Some((line.place, last))
    });
    refused.collect()
}

/// The file with each of the separators and line ends that spreadsheets use.
fn dialects(file: &str) -> Vec<String> {
    let mut dialects = Vec::new();
    for separator in [",", ";", "\t"] {
        for end in ["\n", "\r\n"] {
            dialects.push(file.replace(',', separator).replace('\n', end));
        }
    }
    dialects
}

#[test]
fn a_stray_quotation_mark_swallows_no_row_in_silence() {
    let file = "to,name\n\
                +15550000002,Zoe\n\
                \n\
                +15550000004,\"Dora \"\"D\"\" Day\"\n\
                +15550000005,\"Ann\n\
                +15550000006,Bob\n\
                +15550000007,\"Carl\"\n\
                +15550000008,Dan\n";
    for file in dialects(file) {
        let lines = lines(&file);
        let expected = [(2, "Zoe"), (4, "Dora \"D\" Day"), (8, "Dan")];
        let expected = expected.map(|(row, name)| (row, name.to_owned()));
        assert_eq!(taken(&lines), expected, "{file:?}");
        assert_eq!(refused(&lines), [(5, 7)], "{file:?}");
    }
}

#[test]
fn two_marks_that_look_like_a_text_of_several_lines_swallow_no_row() {
    for file in [
        "to,name\n+15550000002,\"Ann\n+15550000003,Bob\n+15550000004,Carl\"\n+15550000005,Dan\n",
        "name,to\n\"Ann,+15550000002\nBob,+15550000003\nCarl\",+15550000004\nDan,+15550000005\n",
        "to,x,name\n+15550000002,\"y,Ann\n+15550000003,z,Bob\n+15550000004,z\",Carl\n+15550000005,,Dan\n",
        "to,name\n+15550000002,\"Ann,\n+15550000003,Bob,\n+15550000004,Carl\",\n+15550000005,Dan,\n",
        "name,recipient\n\"Ann,US.2\nBob,US.3\nCarl\",US.4\nDan,US.5\n",
    ] {
        for file in dialects(file) {
            let lines = lines(&file);
            assert_eq!(taken(&lines), [(5, "Dan".to_owned())], "{file:?}");
            assert_eq!(refused(&lines), [(2, 4)], "{file:?}");
        }
    }
}

#[test]
fn a_text_of_several_lines_is_a_text() {
    let file = "to,name\n\
                +15550000002,\"two\nlines, and a \"\"mark\"\"\n\"\n\
                +15550000003,\"call\n+15550000009\n\"\n\
                +15550000004,5\" pipe\n";
    for file in dialects(file) {
        let lines = lines(&file);
        let rows: Vec<u64> = taken(&lines).iter().map(|(row, _)| *row).collect();
        assert_eq!(rows, [2, 3, 4], "{file:?}");
    }
}

#[test]
fn a_column_of_numbers_alone_is_read_by_the_same_rules() {
    let job = job("Hello");
    let file = "to\n\"+15550000002\n\"\n\"15550000004\n15550000005\"\n+15550000006\n";
    for file in dialects(file) {
        let table = Table::open(&file, &job, Timestamp::UNIX_EPOCH).unwrap();
        let lines: Vec<Line> = table.collect();
        assert_eq!(refused(&lines), [(3, 4)], "{file:?}");
        assert_eq!(lines.len(), 3, "{file:?}");
    }
}

#[test]
fn a_row_of_several_lines_with_a_fault_names_them_and_counts_as_one_row() {
    let file = "to,name\n\n+15550000002,\"two\nlines\"\n0171,\"two\nlines\"\n0172,Bob\n";
    let lines = lines(file);
    assert_eq!(refused(&lines), [(4, 4), (5, 5)]);
    let details: Vec<&str> = lines
        .iter()
        .filter_map(|line| Some(line.read.as_ref().err()?.first()?.detail.as_str()))
        .collect();
    let ends: Vec<bool> = details
        .iter()
        .map(|detail| detail.ends_with("; the row is the lines 5 to 6 of the file"))
        .collect();
    assert_eq!(ends, [true, false], "{details:?}");
}

#[test]
fn a_mark_that_is_never_closed_takes_the_rest_of_the_file_with_it() {
    for file in dialects("to,name\n+15550000002,Ann\n+15550000003,\"Bob\n+15550000004,Carl\n\n") {
        let lines = lines(&file);
        assert_eq!(taken(&lines), [(2, "Ann".to_owned())], "{file:?}");
        assert_eq!(refused(&lines), [(3, 4)], "{file:?}");
    }
}

#[test]
fn a_header_that_swallows_rows_refuses_the_file() {
    let job = job("Hello");
    for header in [
        "to,\"name\n+15550000002,Ann\n",
        "to,\"name\n+15550000002,\"Ann\"\n",
        "to,\"name\n+15550000002,Ann\"\n+15550000003,Bob\n",
    ] {
        let refused = Table::open(header, &job, Timestamp::UNIX_EPOCH);
        let problem = serde_json::to_value(refused.err().unwrap()).unwrap();
        let fault = problem.pointer("/errors/0").unwrap();
        assert_eq!(fault["pointer"], "/rows/1");
        let detail = fault["detail"].as_str().unwrap();
        assert!(
            detail.starts_with("rows 1 to 2 were read as one: "),
            "{detail}"
        );
    }
    let wrapped = "to,\"first\nname\"\n+15550000002,Ann\n";
    let table = Table::open(wrapped, &job, Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(table.map(|line| line.place).collect::<Vec<_>>(), [2]);
}

/// The columns of the faults of a file's only row.
fn columns_at_fault(text: &str, file: &str) -> Vec<Option<String>> {
    let job = job(text);
    let mut table = Table::open(file, &job, Timestamp::UNIX_EPOCH).unwrap();
    let faults = table.next().unwrap().read.unwrap_err();
    faults.into_iter().map(|fault| fault.column).collect()
}

#[test]
fn a_fault_names_the_column_whose_cell_is_to_be_changed() {
    let named = |name: &str| vec![Some(name.to_owned())];
    let long = "x".repeat(5_000);
    let file = format!("to,name,offer,note\n+15550000002,Ann,{long},{long}{long}\n");
    assert_eq!(
        columns_at_fault("{{name}}: {{offer}}", &file),
        [named("note"), named("offer")].concat()
    );
    assert_eq!(columns_at_fault("Hello", &file), named("note"));
    let file = format!("to,name,note\n+15550000002,Ann,{long}\n");
    assert_eq!(columns_at_fault("Hello {{note}}", &file), named("note"));
    assert_eq!(
        columns_at_fault("Hello {{name}}", "recipient,name\n,Ann\n"),
        named("recipient")
    );
    let long = "n".repeat(200);
    let file = format!("to,{long}\n+15550000002,{}\n", "x".repeat(9_000));
    let column = columns_at_fault("Hello", &file).remove(0).unwrap();
    assert_eq!(column, format!("{}…", "n".repeat(128)));
}

#[test]
fn a_cell_too_long_for_its_place_is_told_with_all_the_columns_of_the_place() {
    let job = job("{{a}} {{b}} {{c}}");
    let file = format!("to,a,b,c\n+15550000002,{},x,x\n", "x".repeat(5_000));
    let mut table = Table::open(&file, &job, Timestamp::UNIX_EPOCH).unwrap();
    let faults = table.next().unwrap().read.unwrap_err();
    let [fault] = faults.as_slice() else {
        unreachable!("one fault: {faults:?}");
    };
    assert_eq!(fault.pointer, "/rows/2/a");
    assert!(
        fault
            .detail
            .ends_with(", filled from the columns a, b and 1 more"),
        "{}",
        fault.detail
    );
}

#[test]
fn a_header_of_too_many_columns_is_one_fault() {
    let job = job("Hello");
    for (columns, faults) in [(500, 499), (501, 1), (150_000, 1)] {
        let file = format!("to{}", ",to".repeat(columns - 1));
        let refused = Table::open(&file, &job, Timestamp::UNIX_EPOCH).err();
        let problem = serde_json::to_value(refused.unwrap()).unwrap();
        let told = problem["errors"].as_array().unwrap();
        assert_eq!(told.len(), faults, "{columns}");
    }
}

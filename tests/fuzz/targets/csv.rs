//! A file of recipients: no row is passed over, none is read twice.
#![no_main]

use libfuzzer_sys::fuzz_target;
use send::fuzzed::csv_rows;

fuzz_target!(|file: &[u8]| {
    let Some(rows) = csv_rows(file) else {
        return;
    };
    // The header is row 1.
    let mut next = 2;
    for (row, count) in rows {
        assert!(row >= next, "row {row} comes after row {}", next - 1);
        assert!(count >= 1, "row {row} stands for none");
        next = row + count;
    }
});

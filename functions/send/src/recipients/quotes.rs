//! Quotation marks of a CSV file: where they stand as they must, and what divides its columns.
//!
//! The reader takes a text that follows a closing mark into the field. A mark left open would so swallow every row up to
//! the next mark, and send their numbers to somebody as a text. So marks are looked at before a row is believed.

/// What may divide columns.
const SEPARATORS: [char; 3] = [',', ';', '\t'];

/// How the quotation marks of a row stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quotes {
    /// As they must.
    Sound,
    /// A closing one is followed by something else than a separator or the end of the row.
    Stray,
    /// The last one is opened and never closed.
    Open,
}

impl Quotes {
    /// Of one row, without the line break that ends it.
    pub(crate) fn of(row: &str, separator: char) -> Self {
        let mut at = At::Start;
        for character in row.chars() {
            at = at.after(character, &[separator]);
            if at == At::Stray {
                return Self::Stray;
            }
        }
        if at == At::Quoted {
            Self::Open
        } else {
            Self::Sound
        }
    }
}

/// What divides the header's columns: the sign that stands there most often.
pub(crate) fn separator_of(text: &str) -> char {
    let mut counts = SEPARATORS.map(|sign| (sign, 0));
    let mut at = At::Start;
    for character in text.trim_start_matches(['\r', '\n']).chars() {
        at = at.after(character, &SEPARATORS);
        if at != At::Start {
            continue;
        }
        match counts.iter_mut().find(|(sign, _)| *sign == character) {
            Some((_, number)) => *number += 1,
            None => break,
        }
    }
    let most = counts.iter().map(|(_, number)| *number).max();
    let found = counts.iter().find(|(_, number)| Some(*number) == most);
    found.map_or(',', |(sign, _)| *sign)
}

/// Where a row has been read to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Where a field begins.
    Start,
    /// In a field without marks. One within it is a character as any other.
    Plain,
    /// Between an opening mark and its closing one.
    Quoted,
    /// After a mark that closes the field, or is the first of two that stand for one.
    Closed,
    /// Past a text that follows a closing mark.
    Stray,
}

impl At {
    fn after(self, character: char, separators: &[char]) -> Self {
        let divides = separators.contains(&character) || matches!(character, '\r' | '\n');
        match self {
            Self::Quoted if character == '"' => Self::Closed,
            Self::Quoted => Self::Quoted,
            Self::Start | Self::Closed if character == '"' => Self::Quoted,
            Self::Start | Self::Plain | Self::Closed | Self::Stray if divides => Self::Start,
            Self::Start | Self::Plain => Self::Plain,
            Self::Closed | Self::Stray => Self::Stray,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closing_mark_ends_its_field_and_an_opening_one_is_closed() {
        for sound in [
            "a,b",
            "\"a\",\"b\"",
            "\"a,b\"",
            "\"two\nlines\",b",
            "\"two\r\nlines\"",
            "\"say \"\"hi\"\"\",b",
            "\"\",\"\"\"\"",
            "5\" pipe,the \"best\"",
            " \"a\",b",
        ] {
            assert_eq!(Quotes::of(sound, ','), Quotes::Sound, "{sound:?}");
        }
        for stray in [
            "\"Ann\n+15550000006,Bob\n+15550000007,\"Carl\"",
            "\"Ann\r\n+15550000006,Bob\r\n+15550000007,\"Carl\"",
            "\"a\"b,c",
            "\"a\" ,c",
            "\"a\";\"b\"",
            "\"a \\\"b\\\" c\",d",
            "\"\"\"a\"b\"",
        ] {
            assert_eq!(Quotes::of(stray, ','), Quotes::Stray, "{stray:?}");
        }
        for open in ["\"", "a,\"b", "\"a\"\"", "a,\"b\nc,d\ne,f"] {
            assert_eq!(Quotes::of(open, ','), Quotes::Open, "{open:?}");
        }
    }

    #[test]
    fn columns_are_divided_by_the_sign_that_stands_most_often_in_the_header_outside_of_marks() {
        for (header, separator) in [
            ("to", ','),
            ("to,name\na;b;c;d", ','),
            ("\n\nto;name;a,b", ';'),
            ("to\t\"a,b;c,d;\"\tname", '\t'),
            ("\"a\"\";;;\",\"b\n;;;\",c", ','),
            ("to;5\" pipe\r\na,b,c,d", ';'),
        ] {
            assert_eq!(separator_of(header), separator, "{header:?}");
        }
    }
}

//! Which characters a text may hold, and whether any of them can be seen.

/// Whether no text that leaves from us may hold this: control characters, save what breaks lines and sets them in.
pub(super) fn is_forbidden(character: char) -> bool {
    character.is_control() && !matches!(character, '\n' | '\r' | '\t')
}

/// Whether a text shows nothing at all: it is of spaces and of characters that have no shape of their own.
pub(super) fn is_blank(text: &str) -> bool {
    text.chars().all(is_invisible)
}

/// Whether a text is one line as it will be shown: nothing breaks it, and nothing turns the order of its letters.
pub(super) fn is_one_line(text: &str) -> bool {
    let turns = |it| matches!(it, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let breaks = |it: char| it.is_control() || matches!(it, '\u{2028}' | '\u{2029}');
    !text.chars().any(|it| breaks(it) || turns(it))
}

/// Unicode's white space, and what it calls "default ignorable"; the braille blank and the fillers are empty shapes.
fn is_invisible(character: char) -> bool {
    character.is_whitespace()
        || character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{2800}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fff8}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_breaks_a_line_or_turns_it_round_is_no_part_of_one() {
        assert!(is_one_line(
            "Zo\u{eb}'s caf\u{e9} \u{1f468}\u{200d}\u{1f680}"
        ));
        for text in ["a\nb", "a\tb", "a\u{2028}b", "\u{202e}evil", "a\u{2066}b"] {
            assert!(!is_one_line(text), "{text:?}");
        }
    }

    #[test]
    fn a_text_is_blank_if_nothing_of_it_can_be_seen() {
        for text in [
            "",
            " ",
            "\n\t\r\n",
            "\u{a0}\u{3000}",
            "\u{200b}\u{feff}",
            "\u{2800}\u{3164}",
        ] {
            assert!(is_blank(text), "{text:?}");
        }
        for text in [
            "a",
            " . ",
            "\u{200b}1",
            "\u{1f468}\u{200d}\u{1f680}",
            "\u{e9}",
            "#\u{fe0f}\u{20e3}",
        ] {
            assert!(!is_blank(text), "{text:?}");
        }
    }

    #[test]
    fn lines_may_break_and_be_set_in_and_nothing_else_may_control() {
        assert!(!"a line\nanother\r\n\tand one set in".contains(is_forbidden));
        for character in [
            '\0', '\u{7}', '\u{8}', '\u{b}', '\u{1b}', '\u{7f}', '\u{85}', '\u{9f}',
        ] {
            assert!(is_forbidden(character), "{character:?}");
        }
    }
}

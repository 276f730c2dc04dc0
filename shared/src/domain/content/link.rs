//! Links that Meta or a phone is to open: `http` or `https`, a host, and nothing that no URL may hold.

use thiserror::Error;

/// Why a text is not a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum LinkError {
    /// Another scheme, or none.
    #[error("must be a URL that begins with https:// or http://")]
    Scheme,
    /// Nothing to connect to.
    #[error("must be a URL with a host, such as https://example.com/picture.jpg")]
    Host,
    /// A space, a brace, an angle bracket and the like.
    #[error("must be a URL without spaces and without any of < > \" {{ }} \\ ^ ` |")]
    Character,
}

pub(super) fn check(text: &str) -> Result<(), LinkError> {
    let (scheme, rest) = text.split_once("://").ok_or(LinkError::Scheme)?;
    if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
        return Err(LinkError::Scheme);
    }
    if rest.contains(is_forbidden) {
        return Err(LinkError::Character);
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let address = authority
        .rsplit_once('@')
        .map_or(authority, |(_, address)| address);
    if has_host(address) {
        Ok(())
    } else {
        Err(LinkError::Host)
    }
}

fn is_forbidden(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '<' | '>' | '"' | '{' | '}' | '\\' | '^' | '`' | '|')
}

/// A host or an address in brackets, and perhaps a port.
fn has_host(address: &str) -> bool {
    let (host, port) = match address.strip_prefix('[') {
        Some(inside) => {
            let Some((literal, port)) = inside.split_once(']') else {
                return false;
            };
            let valid = literal.parse::<std::net::Ipv6Addr>().is_ok();
            return valid && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port));
        }
        None => address.split_once(':').unwrap_or((address, "")),
    };
    host.split('.').all(is_label) && is_port(port)
}

/// Letters of any script: an internationalised name may be written as people read it.
fn is_label(label: &str) -> bool {
    !label.is_empty()
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label
            .chars()
            .all(|c| c.is_alphanumeric() || c == '-' || c == '_')
}

fn is_port(port: &str) -> bool {
    port.is_empty() || (port.parse::<u16>().is_ok() && !port.starts_with('+'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_web_address_is_a_link() {
        for link in [
            "https://example.com",
            "HTTPS://example.com/a.jpg?b=c&d=%20#e",
            "http://127.0.0.1:3002/media/1",
            "http://[::1]:3002/",
            "https://user:secret@example.com:8443/x",
            "https://b\u{fc}cher.example/\u{fc}",
            "https://media_store.example.com/a,b;c='d'!(e)*~[f]",
        ] {
            assert_eq!(check(link), Ok(()), "{link}");
        }
    }

    #[test]
    fn a_placeholder_or_another_scheme_is_no_link() {
        for (text, why) in [
            ("http(s)://image-url", LinkError::Scheme),
            ("example_http(s)://sticker-url", LinkError::Scheme),
            ("example.com/a.jpg", LinkError::Scheme),
            ("ftp://example.com", LinkError::Scheme),
            ("javascript://example.com", LinkError::Scheme),
            ("https:/example.com", LinkError::Scheme),
            ("https://", LinkError::Host),
            ("https:///a.jpg", LinkError::Host),
            ("https://?a", LinkError::Host),
            ("https://.example.com", LinkError::Host),
            ("https://-", LinkError::Host),
            ("https://...", LinkError::Host),
            ("https://example.com:port/", LinkError::Host),
            ("https://example.com:99999/", LinkError::Host),
            ("https://[1:2", LinkError::Host),
            ("https://[zz]/", LinkError::Host),
            ("https://example.com/a b", LinkError::Character),
            ("https://example.com/{{1}}", LinkError::Character),
            ("https://<host>/", LinkError::Character),
        ] {
            assert_eq!(check(text), Err(why), "{text}");
        }
    }

    proptest! {
        #[test]
        fn checking_a_link_never_panics(text in "(https?://)?\\PC{0,30}") {
            let _ = check(&text);
        }
    }
}

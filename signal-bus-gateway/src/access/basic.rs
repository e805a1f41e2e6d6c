//! The header by which clients say who they are.

/// A name and a password.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Login {
    pub(crate) user: String,
    pub(crate) password: String,
}

/// Reads the value of an `Authorization` header; what cannot be read is nobody's.
///
/// PyPubSub removes the text `Basic `, wherever it stands, and decodes what is left, whatever letters are between.
pub(crate) fn read(header: &str) -> Option<Login> {
    if !header.is_ascii() {
        return None;
    }
    let decoded = decode(header.replace("Basic ", "").as_bytes())?;
    let decoded = String::from_utf8(decoded).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some(Login {
        user: user.to_owned(),
        password: password.to_owned(),
    })
}

/// Decodes base64 as Python does, which no crate does: what is no letter of it is left out, the first padding that is whole ends
/// it, and bits that are left over do no harm.
fn decode(coded: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(coded.len() / 4 * 3 + 3);
    // Bits that make no byte yet, and how many letters of four, and signs of padding behind them, have come.
    let (mut bits, mut letters, mut paddings) = (0, 0, 0);
    for byte in coded {
        if *byte == b'=' && 2 <= letters {
            paddings += 1;
            if 4 <= letters + paddings {
                return Some(decoded);
            }
        }
        let Some(value) = value(*byte) else {
            continue;
        };
        paddings = 0;
        bits = bits << 6 | u16::from(value);
        if 0 < letters {
            let [_, byte] = (bits >> (6 - 2 * letters)).to_be_bytes();
            decoded.push(byte);
        }
        letters = (letters + 1) % 4;
    }
    (letters == 0).then_some(decoded)
}

/// What a letter of base64 stands for.
fn value(letter: u8) -> Option<u8> {
    match letter {
        b'A'..=b'Z' => Some(letter - b'A'),
        b'a'..=b'z' => Some(letter - b'a' + 26),
        b'0'..=b'9' => Some(letter - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    fn login(header: &str) -> Option<(String, String)> {
        read(header).map(|login| (login.user, login.password))
    }

    #[test]
    fn a_password_may_hold_colons_and_letters_of_all_kinds() {
        let is = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        assert_eq!(
            login("Basic dGVzdHVzZXI6Zm9vYmFy"),
            is("testuser", "foobar")
        );
        assert_eq!(login("dGVzdHVzZXI6Zm9vYmFy"), is("testuser", "foobar"));
        assert_eq!(login("Basic YTpiOmM="), is("a", "b:c"));
        assert_eq!(login("Basic w6k6w7w="), is("é", "ü"));
        assert_eq!(login("Basic YTo="), is("a", ""));
    }

    /// Each was asked of Python's `base64.decodebytes`.
    #[test]
    fn what_python_decodes_is_decoded() {
        let ours = Some(("a".to_owned(), "b".to_owned()));
        for header in [
            "YTpi=",
            "YTpi==",
            "=YTpi",
            "YT=pi",
            "Y?T-p_i",
            " Y T\tpi ",
            "YTpi====",
            "YTpi=\t=",
        ] {
            assert_eq!(login(header), ours, "{header}");
        }
        for header in ["YTpiOmM=YTpi", "YTpiOmM==", "YTpiOmN=", "YTpiOmM= ="] {
            let longer = Some(("a".to_owned(), "b:c".to_owned()));
            assert_eq!(login(header), longer, "{header}");
        }
        for header in ["Y=T=o=", "YTo=YTpi", "YTp=="] {
            assert!(login(header).is_some(), "{header}");
        }
    }

    #[test]
    fn what_is_no_login_is_nobodys() {
        for header in [
            "",
            "Basic ",
            "Basic YWI=",
            "Basic YTpi Og",
            "Basic YTpiOmM",
            "basic dGVzdHVzZXI6Zm9vYmFy",
            "Bearer abcdef",
            "Basic gDqA",
            "Basic é",
            "Basic ====",
            "Digest username=\"x\"",
        ] {
            assert_eq!(login(header), None, "{header}");
        }
    }
}

//! The header by which clients say who they are.

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

/// As Python decodes: bits that are left over do no harm.
const CODE: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

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
    let is_code = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=".contains(byte);
    let coded: Vec<u8> = header
        .replace("Basic ", "")
        .bytes()
        .filter(is_code)
        .collect();
    let decoded = String::from_utf8(CODE.decode(coded).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some(Login {
        user: user.to_owned(),
        password: password.to_owned(),
    })
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

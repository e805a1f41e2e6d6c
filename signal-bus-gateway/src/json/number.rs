//! Numbers as Python writes them.

use std::fmt::Write as _;

/// Python reads no integer of more digits.
const DIGITS_MAX: usize = 4300;

/// The number that stands at the start of `text`, and where it ends.
pub(super) fn read(text: &str, out: &mut String) -> Option<usize> {
    let (integer, is_float, end) = extent(text.as_bytes())?;
    let written = &text[..end];
    if is_float {
        let value: f64 = written.parse().ok()?;
        if !value.is_finite() {
            return None;
        }
        write_float(value, out);
    } else if DIGITS_MAX < integer {
        return None;
    } else {
        out.push_str(if written == "-0" { "0" } else { written });
    }
    Some(end)
}

/// How many digits stand before the point, whether there is a fraction or an exponent, and where the number ends.
fn extent(bytes: &[u8]) -> Option<(usize, bool, usize)> {
    let digits = |from: usize| {
        let rest = bytes.get(from..).unwrap_or_default();
        rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
    };
    let start = usize::from(bytes.first() == Some(&b'-'));
    let integer = match bytes.get(start)? {
        b'0' => 1,
        b'1'..=b'9' => digits(start),
        _ => return None,
    };
    let mut end = start + integer;
    let mut is_float = false;
    if bytes.get(end) == Some(&b'.') && 0 < digits(end + 1) {
        end += 1 + digits(end + 1);
        is_float = true;
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let exponent = digits(end + 1 + sign);
        if 0 < exponent {
            end += 1 + sign + exponent;
            is_float = true;
        }
    }
    Some((integer, is_float, end))
}

/// Writes a finite number as Python's `repr` does: the fewest digits that mean it.
pub(crate) fn write_float(value: f64, out: &mut String) {
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific
        .split_once('e')
        .expect("`{:e}` writes an exponent");
    let exponent: i32 = exponent.parse().expect("the exponent is a small number");
    if (-4..16).contains(&exponent) {
        // `{}` never writes an exponent, and the same digits.
        let fixed = format!("{value}");
        out.push_str(&fixed);
        if !fixed.contains('.') {
            out.push_str(".0");
        }
        return;
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    write!(out, "{mantissa}e{sign}{:02}", exponent.abs()).expect("a text takes everything");
}

//! Numbers and bytes, one behind the other.

/// Appends a number: seven bits in each byte, the lowest first, and the eighth says that more follow.
pub(super) fn put(written: &mut Vec<u8>, mut number: usize) {
    while 0x80 <= number {
        written.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    written.push(number.to_le_bytes()[0]);
}

/// Appends bytes, and how many they are.
pub(super) fn put_bytes(written: &mut Vec<u8>, bytes: &[u8]) {
    put(written, bytes.len());
    written.extend_from_slice(bytes);
}

/// What is left to read.
#[derive(Clone, Copy)]
pub(super) struct Rest<'a> {
    all: &'a [u8],
    at: usize,
}

impl<'a> Rest<'a> {
    pub(super) fn of(all: &'a [u8]) -> Self {
        Self { all, at: 0 }
    }

    /// How much is read.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn is_empty(&self) -> bool {
        self.at == self.all.len()
    }

    /// A number of at most four bytes, which is more than any message has.
    pub(super) fn number(&mut self) -> Option<usize> {
        let mut number = 0;
        for shift in [0, 7, 14, 21] {
            let byte = *self.all.get(self.at)?;
            self.at += 1;
            number |= usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    /// Bytes that say how many they are.
    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        let bytes = self.all.get(self.at..)?.get(..length)?;
        self.at += length;
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::{Rest, put};

    #[test]
    fn a_number_comes_back() {
        for number in [0, 1, 127, 128, 300, 16_383, 16_384, (1 << 28) - 1] {
            let mut written = Vec::new();
            put(&mut written, number);
            let mut rest = Rest::of(&written);
            assert_eq!(rest.number(), Some(number));
            assert!(rest.is_empty());
        }
    }

    #[test]
    fn what_is_cut_off_or_too_much_is_no_number() {
        for written in [&[][..], &[0x80], &[0xff; 3], &[0x80, 0x80, 0x80, 0x80, 1]] {
            assert_eq!(Rest::of(written).number(), None);
        }
        assert_eq!(Rest::of(&[3, 1, 2]).bytes(), None);
        assert_eq!(Rest::of(&[2, 1, 2, 3]).bytes(), Some(&[1, 2][..]));
    }
}

//! Where requests begin and end in what a connection reads.
//!
//! hyper does not tell when a head or a body has begun to come in, nor that a request said its length twice, or ended its lines
//! in a way that others read differently. This looks at the same bytes: it answers nothing and refuses nothing, it only says
//! what is going on.

/// A line of a head that is looked at; the rest of a longer one does not matter here.
const LINE_BYTES_MAX: usize = 64;

/// What is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing has come yet at all.
    Silent,
    Head,
    Body,
    /// A request is complete, and the next one has not begun.
    Between,
}

/// Follows the bytes of one connection.
#[derive(Debug)]
pub(super) struct Framing {
    place: Place,
    /// The start of the line that is being read.
    line: Vec<u8>,
    head: Head,
    requests_count: u64,
    /// The number of the request that said its length in both ways; nothing is followed behind it.
    ambiguous: Option<u64>,
    /// The number of the request whose head is none to a strict reader; nothing is followed behind it, either.
    malformed: Option<u64>,
    /// The letter before the one that is read.
    before: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Silent,
    Between,
    Head,
    Body(u64),
    ChunkSize,
    Chunk(u64),
    Trailer,
    /// What comes cannot be followed; hyper closes on it, or the next request is refused.
    Lost,
}

/// What the head says so far of the body.
#[derive(Debug, Default)]
struct Head {
    has_request_line: bool,
    length: Option<u64>,
    /// The length does not stand in the part of its line that is looked at.
    is_length_hidden: bool,
    is_chunked: bool,
    /// It has two lengths, equal as they may be, or a line that ends without a carriage return (RFC 9112, 2.2 and 6.3).
    is_malformed: bool,
}

impl Framing {
    pub(super) fn new() -> Self {
        Self {
            place: Place::Silent,
            line: Vec::new(),
            head: Head::default(),
            requests_count: 0,
            ambiguous: None,
            malformed: None,
            before: 0,
        }
    }

    pub(super) fn phase(&self) -> Phase {
        match self.place {
            Place::Silent => Phase::Silent,
            Place::Between => Phase::Between,
            Place::Head => Phase::Head,
            Place::Body(_) | Place::ChunkSize | Place::Chunk(_) | Place::Trailer | Place::Lost => {
                Phase::Body
            }
        }
    }

    /// Whether a request, counted from 1, said its length twice; or may have, for it could not be followed.
    pub(super) fn is_ambiguous(&self, request: u64) -> bool {
        self.ambiguous == Some(request) || self.requests_count < request
    }

    /// Whether a request, counted from 1, has a head that a strict reader does not take.
    pub(super) fn is_malformed(&self, request: u64) -> bool {
        self.malformed == Some(request)
    }

    /// Follows what was read.
    pub(super) fn read(&mut self, mut bytes: &[u8]) {
        while let Some((first, rest)) = bytes.split_first() {
            let skip = match &mut self.place {
                Place::Lost => return,
                Place::Body(left) | Place::Chunk(left) => {
                    let skip = usize::try_from(*left)
                        .unwrap_or(usize::MAX)
                        .min(bytes.len());
                    *left -= u64::try_from(skip).expect("it is not more than is left");
                    skip
                }
                _ => 0,
            };
            match self.place {
                Place::Body(0) => self.end_request(),
                Place::Chunk(0) => self.place = Place::ChunkSize,
                Place::Body(_) | Place::Chunk(_) => {}
                _ => {
                    bytes = rest;
                    self.letter(*first);
                    continue;
                }
            }
            bytes = &bytes[skip..];
        }
    }

    fn letter(&mut self, letter: u8) {
        if matches!(self.place, Place::Silent | Place::Between) {
            // Blank lines between requests are skipped.
            if matches!(letter, b'\r' | b'\n') {
                return;
            }
            self.place = Place::Head;
        }
        let before = std::mem::replace(&mut self.before, letter);
        if letter != b'\n' {
            if self.line.len() < LINE_BYTES_MAX {
                self.line.push(letter);
            }
            return;
        }
        let line = std::mem::take(&mut self.line);
        let is_cut = line.len() == LINE_BYTES_MAX;
        let line = line.trim_ascii_end();
        match self.place {
            Place::Head => {
                self.head.is_malformed |= before != b'\r';
                self.head_line(line, is_cut);
            }
            // hyper waits for the right end, or closes.
            _ if before != b'\r' => self.place = Place::Lost,
            Place::ChunkSize if line.is_empty() => {}
            Place::ChunkSize => self.chunk_size(line),
            Place::Trailer if line.is_empty() => self.end_request(),
            _ => {}
        }
    }

    fn head_line(&mut self, line: &[u8], is_cut: bool) {
        if line.is_empty() {
            self.end_head();
        } else if !self.head.has_request_line {
            self.head.has_request_line = true;
        } else if let Some(colon) = line.iter().position(|byte| *byte == b':') {
            let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
            if name.eq_ignore_ascii_case(b"content-length") {
                let length = std::str::from_utf8(value)
                    .ok()
                    .and_then(|value| value.parse().ok());
                self.head.is_length_hidden |= length.is_none() || is_cut;
                self.head.is_malformed |= self.head.length.is_some();
                self.head.length = Some(length.unwrap_or(0));
            } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
                self.head.is_chunked = true;
            }
        }
    }

    fn end_head(&mut self) {
        self.requests_count += 1;
        if self.head.is_malformed {
            self.malformed = Some(self.requests_count);
            self.place = Place::Lost;
            return;
        }
        match (self.head.is_chunked, self.head.length) {
            (true, Some(_)) => {
                self.ambiguous = Some(self.requests_count);
                self.place = Place::Lost;
            }
            (false, Some(_)) if self.head.is_length_hidden => self.place = Place::Lost,
            (true, None) => self.place = Place::ChunkSize,
            (false, Some(length)) if 0 < length => self.place = Place::Body(length),
            (false, _) => self.end_request(),
        }
    }

    fn chunk_size(&mut self, line: &[u8]) {
        let digits = line
            .iter()
            .take_while(|byte| byte.is_ascii_hexdigit())
            .count();
        if digits == LINE_BYTES_MAX {
            // More of them may follow.
            self.place = Place::Lost;
            return;
        }
        let digits = std::str::from_utf8(&line[..digits]).unwrap_or_default();
        self.place = match u64::from_str_radix(digits, 16) {
            Ok(0) => Place::Trailer,
            Ok(size) => Place::Chunk(size),
            Err(_) => Place::Lost,
        };
    }

    fn end_request(&mut self) {
        self.head = Head::default();
        self.place = Place::Between;
    }
}

#[cfg(test)]
mod tests {
    use super::{Framing, Phase};

    /// The phase after these bytes, however they are cut.
    #[track_caller]
    fn after(bytes: &[u8]) -> (Phase, u64) {
        let mut whole = Framing::new();
        whole.read(bytes);
        let mut single = Framing::new();
        bytes.chunks(1).for_each(|byte| single.read(byte));
        assert_eq!(
            (whole.phase(), whole.requests_count),
            (single.phase(), single.requests_count)
        );
        (whole.phase(), whole.requests_count)
    }

    #[test]
    fn each_phase_is_told() {
        assert_eq!(after(b""), (Phase::Silent, 0));
        assert_eq!(after(b"\r\n"), (Phase::Silent, 0));
        assert_eq!(after(b"G"), (Phase::Head, 0));
        assert_eq!(after(b"GET / HTTP/1.1\r\nHost: x\r\n"), (Phase::Head, 0));
        assert_eq!(
            after(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
            (Phase::Between, 1)
        );
        assert_eq!(
            after(b"PUT / HTTP/1.1\r\nContent-Length: 2\r\n\r\n"),
            (Phase::Body, 1)
        );
        assert_eq!(
            after(b"PUT / HTTP/1.1\r\ncontent-length:2\r\n\r\n{}"),
            (Phase::Between, 1)
        );
        let chunked =
            b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\n{}\r\n0\r\nA: b\r\n\r\n";
        assert_eq!(after(chunked), (Phase::Between, 1));
        assert_eq!(after(&chunked[..chunked.len() - 2]), (Phase::Body, 1));
        for loose in [
            "2\n{}\r\n0\r\n\r\n",
            "2\r\n{}\n0\r\n\r\n",
            "2\r\n{}\r\n0\n\r\n",
            "0\r\nA: b\n\r\n",
            "0\r\n\n",
        ] {
            let head = "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
            let loose = format!("{head}{loose}GET / HTTP/1.1\r\n\r\n");
            assert_eq!(after(loose.as_bytes()), (Phase::Body, 1), "{loose}");
        }
    }

    #[test]
    fn who_hides_where_a_request_ends_is_believed_nothing_behind_it() {
        let both =
            "PUT / HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
        let (zeros, blanks) = ("0".repeat(70), " ".repeat(70));
        for first in [
            format!("Transfer-Encoding: chunked\r\n\r\n{zeros}9\r\n{{\"a\":1}}\r\n\r\n0\r\n\r\n"),
            format!("Content-Length: {zeros}4\r\n\r\n\r\n\r\n"),
            format!("Content-Length:{blanks}4\r\n\r\n\r\n\r\n"),
        ] {
            let mut framing = Framing::new();
            framing.read(format!("PUT / HTTP/1.1\r\n{first}{both}").as_bytes());
            assert!(!framing.is_ambiguous(1), "{first}");
            assert!(framing.is_ambiguous(2), "{first}");
            assert_eq!(framing.phase(), Phase::Body, "{first}");
        }
    }

    #[test]
    fn requests_in_a_row_are_counted() {
        let put = "PUT / HTTP/1.1\r\nContent-Length: 3\r\n\r\n\r\n\r";
        let chunked = "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n";
        let get = "GET / HTTP/1.1\r\n\r\n";
        let row = [put, chunked, get, chunked, put, get].concat();
        assert_eq!(after(row.as_bytes()), (Phase::Between, 6));
    }

    #[test]
    fn a_head_that_others_may_read_otherwise_is_malformed() {
        let first = "GET / HTTP/1.1\r\nA: b\r\n\r\n";
        for (head, is_malformed) in [
            (
                "PUT / HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
                true,
            ),
            (
                "PUT / HTTP/1.1\r\nContent-Length: 2\r\nX: y\r\ncontent-length:2\r\n\r\n{}",
                true,
            ),
            ("GET / HTTP/1.1\nA: b\r\n\r\n", true),
            ("GET / HTTP/1.1\r\nA: b\n\r\n", true),
            ("GET / HTTP/1.1\r\nA: b\r\n\n", true),
            ("PUT / HTTP/1.1\r\nContent-Length: 2\r\n\r\n\n\n", false),
            ("\nGET / HTTP/1.1\r\nA: b\r\n\r\n", false),
        ] {
            let mut framing = Framing::new();
            framing.read(format!("{first}{head}{first}").as_bytes());
            assert!(!framing.is_malformed(1), "{head}");
            assert_eq!(framing.is_malformed(2), is_malformed, "{head}");
            assert_eq!(framing.is_ambiguous(3), is_malformed, "{head}");
        }
    }

    #[test]
    fn a_request_that_says_its_length_twice_is_found_wherever_it_stands() {
        for both in [
            "Content-Length: 2\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: chunked\r\nX: y\r\nContent-Length: 2",
        ] {
            let mut framing = Framing::new();
            framing.read(
                format!("GET / HTTP/1.1\r\n\r\nPUT / HTTP/1.1\r\n{both}\r\n\r\n0\r\n\r\n")
                    .as_bytes(),
            );
            assert!(
                framing.is_ambiguous(2) && !framing.is_ambiguous(1),
                "{both}"
            );
        }
    }
}

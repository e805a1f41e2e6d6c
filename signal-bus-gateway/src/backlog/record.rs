//! An event as it lies on the disk.

use sha2::{Digest, Sha256};

use crate::backlog::line::Line;

/// So much of a digest tells what is torn from what is whole.
const SEAL_BYTES: usize = 8;

/// Seal, time, length of the path, path, line.
pub(super) fn write(line: &Line) -> Vec<u8> {
    let path_length =
        u32::try_from(line.path.len()).expect("a path fits into the head of a request");
    let mut record = vec![0; SEAL_BYTES];
    record.extend(line.timestamp.to_le_bytes());
    record.extend(path_length.to_le_bytes());
    record.extend(line.path.as_bytes());
    record.extend(line.line.as_bytes());
    let seal = seal(line.sequence, &record[SEAL_BYTES..]);
    record[..SEAL_BYTES].copy_from_slice(&seal);
    record
}

/// What was written; nothing if it is not whole.
pub(super) fn read(sequence: u64, record: &[u8]) -> Option<Line> {
    let (sealed, rest) = record.split_first_chunk::<SEAL_BYTES>()?;
    if seal(sequence, rest) != *sealed {
        return None;
    }
    let (timestamp, rest) = rest.split_first_chunk()?;
    let (path_length, rest) = rest.split_first_chunk()?;
    let path_length = usize::try_from(u32::from_le_bytes(*path_length)).ok()?;
    let (path, line) = rest.split_at_checked(path_length)?;
    Some(Line {
        sequence,
        timestamp: f64::from_le_bytes(*timestamp),
        path: std::str::from_utf8(path).ok()?.into(),
        line: std::str::from_utf8(line).ok()?.into(),
    })
}

fn seal(sequence: u64, bytes: &[u8]) -> [u8; SEAL_BYTES] {
    let mut hash = Sha256::new();
    hash.update(sequence.to_le_bytes());
    hash.update(bytes);
    let digest = hash.finalize();
    *digest.first_chunk().expect("a digest is longer")
}

#[cfg(test)]
mod tests {
    use super::{read, write};
    use crate::backlog::line::Line;

    #[test]
    fn what_is_torn_is_told_from_what_is_whole() {
        let line = Line {
            sequence: 7,
            timestamp: 1.5,
            path: "/é".into(),
            line: "{\"a\": 1}\n".into(),
        };
        let record = write(&line);
        let whole = read(7, &record).expect("it is whole");
        assert_eq!(
            (whole.timestamp, &*whole.path, &*whole.line),
            (1.5, "/é", "{\"a\": 1}\n")
        );
        assert!(read(8, &record).is_none());
        for length in 0..record.len() {
            assert!(read(7, &record[..length]).is_none(), "{length}");
            let mut torn = record.clone();
            torn[length] ^= 1;
            assert!(read(7, &torn).is_none(), "{length}");
        }
    }
}

//! Changes to bytes, from a flipped bit to a thousandfold nesting. Those that know JSON are in `tree`.

use fastrand::Rng;

use super::tree;

/// Numbers at which something ends.
pub const NUMBERS: &[&str] = &[
    "0",
    "-0",
    "-1",
    "1",
    "2",
    "255",
    "256",
    "65536",
    "2147483648",
    "4294967296",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "18446744073709551616",
    "1e999",
    "-1e-999",
    "0.1",
    "1e18",
    "00",
    "0x10",
    "NaN",
    "340282366920938463463374607431768211456",
];

/// Texts that want to be more.
pub const TEXTS: &[&str] = &[
    "",
    " ",
    "\u{1b}[31m",
    "\u{9b}2J",
    "\u{202e}",
    "\u{2066}",
    "\u{feff}",
    "\u{0}",
    "\u{7}",
    "\r\n",
    "\u{2028}",
    "=1+1",
    "@SUM(A1)",
    "'=x",
    "''",
    "\"",
    "\\",
    "\\ud800",
    "\\u0000",
    "\\u001b[2J",
    "<script>",
    "</details>",
    "```",
    "| x |",
    "\u{430}dele",
    "e\u{301}",
    "\u{1f600}",
    "#EXT#",
    "@",
    "a@b",
    "A@B",
    "\u{130}",
    "\u{df}",
    "\u{fb01}",
    "_Archived",
    "${x}",
    "../../x",
    "https://x.example/",
];

/// Signs that end or begin something.
const SIGNS: &[u8] = b"\0\t\n\r \"'\\,:;{}[]()<>&*!|%@#-+=.?/~`\x1b\x7f\x80\xbf\xc0\xed\xf0\xfe\xff";

/// A new input, from one of the pool and perhaps another.
pub fn mutate(pool: &[Vec<u8>], words: &[&str], rng: &mut Rng) -> Vec<u8> {
    let mut bytes = pick(pool, rng).clone();
    for _ in 0..=rng.usize(..5) {
        match rng.u8(..16) {
            0 => flip(&mut bytes, rng),
            1 => replace(&mut bytes, 1, &[*pick(SIGNS, rng)], rng),
            2 => replace(&mut bytes, 0, &[*pick(SIGNS, rng)], rng),
            3 => replace(&mut bytes, 0, pick(TEXTS, rng).as_bytes(), rng),
            4 if !words.is_empty() => replace(&mut bytes, 0, pick(words, rng).as_bytes(), rng),
            5 => remove(&mut bytes, rng),
            6 => repeat(&mut bytes, rng),
            7 => splice(&mut bytes, pick::<Vec<u8>>(pool, rng), rng),
            8 => number(&mut bytes, rng),
            9 => nest(&mut bytes, rng),
            10 => swap(&mut bytes, b'\n', rng),
            11 => swap(&mut bytes, *pick(b",\" :".as_slice(), rng), rng),
            12 => long(&mut bytes, rng),
            _ => tree::change(&mut bytes, words, rng),
        }
    }
    bytes
}

/// One of them; there is at least one.
pub fn pick<'a, T>(of: &'a [T], rng: &mut Rng) -> &'a T {
    &of[rng.usize(..of.len())]
}

/// A place in the bytes, or their end.
fn place(bytes: &[u8], rng: &mut Rng) -> usize {
    rng.usize(..=bytes.len())
}

/// A short piece of the bytes.
fn piece(bytes: &[u8], rng: &mut Rng) -> std::ops::Range<usize> {
    let start = place(bytes, rng);
    let longest = if rng.u8(..4) == 0 { 400 } else { 24 };
    start..(start + rng.usize(..longest)).min(bytes.len())
}

fn flip(bytes: &mut [u8], rng: &mut Rng) {
    if !bytes.is_empty() {
        let at = rng.usize(..bytes.len());
        bytes[at] ^= 1 << rng.u8(..8);
    }
}

/// Puts the new bytes in the place of so many old ones.
fn replace(bytes: &mut Vec<u8>, count: usize, new: &[u8], rng: &mut Rng) {
    let start = place(bytes, rng);
    let end = (start + count).min(bytes.len());
    bytes.splice(start..end, new.iter().copied());
}

fn remove(bytes: &mut Vec<u8>, rng: &mut Rng) {
    if rng.u8(..8) == 0 {
        bytes.truncate(place(bytes, rng));
    } else {
        bytes.drain(piece(bytes, rng));
    }
}

fn repeat(bytes: &mut Vec<u8>, rng: &mut Rng) {
    let range = piece(bytes, rng);
    let times = if rng.u8(..8) == 0 { 2000 } else { 1 + rng.usize(..4) };
    let again = bytes[range.clone()].repeat(times.min((128 << 10) / range.len().max(1)));
    bytes.splice(range.end..range.end, again);
}

fn splice(bytes: &mut Vec<u8>, other: &[u8], rng: &mut Rng) {
    if rng.bool() {
        bytes.truncate(place(bytes, rng));
        bytes.extend_from_slice(&other[place(other, rng)..]);
    } else {
        let new = other[piece(other, rng)].to_vec();
        let range = piece(bytes, rng);
        bytes.splice(range, new);
    }
}

/// Puts an extreme in the place of a number.
fn number(bytes: &mut Vec<u8>, rng: &mut Rng) {
    let from = place(bytes, rng);
    let Some(start) = bytes[from..].iter().position(u8::is_ascii_digit).map(|at| from + at) else { return };
    let end = bytes[start..].iter().position(|byte| !byte.is_ascii_digit()).map_or(bytes.len(), |at| start + at);
    bytes.splice(start..end, pick(NUMBERS, rng).bytes());
}

/// Nests what follows a place, closed or not.
fn nest(bytes: &mut Vec<u8>, rng: &mut Rng) {
    let pairs: &[(&str, &str)] = &[("[", "]"), ("{\"a\":", "}"), ("{a: ", "}"), ("- ", ""), ("? ", ""), ("\"", "\"")];
    let (open, close) = *pick(pairs, rng);
    let depth = *pick(&[1, 3, 65, 129, 1000, 20_000], rng);
    let range = piece(bytes, rng);
    let closing = if rng.bool() { close.repeat(depth) } else { String::new() };
    bytes.splice(range.end..range.end, closing.bytes());
    bytes.splice(range.start..range.start, open.repeat(depth).bytes());
}

/// Swaps two of the pieces that the separator makes.
fn swap(bytes: &mut Vec<u8>, separator: u8, rng: &mut Rng) {
    let mut pieces: Vec<&[u8]> = bytes.split(|byte| *byte == separator).collect();
    let (one, other) = (rng.usize(..pieces.len()), rng.usize(..pieces.len()));
    pieces.swap(one, other);
    *bytes = pieces.join(&separator);
}

/// Puts a very long word in.
fn long(bytes: &mut Vec<u8>, rng: &mut Rng) {
    let word = pick(&["n", "\u{202e}", "\u{fc}", "\\u0000", "9"], rng).repeat(*pick(&[300, 5000, 66_000], rng));
    replace(bytes, 0, word.as_bytes(), rng);
}

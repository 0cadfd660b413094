//! Plays a target: mutates its corpus, keeps what leads to an outcome that was not seen, and fails on a panic, an abort,
//! too much memory, or too much time. Knows nothing of what the bytes mean.
//!
//! The playing is done by this test binary started once more, so that a stack overflow or an allocation without end is a
//! failure with a name, and not the end of all tests.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use fastrand::Rng;

use super::mutate::mutate;

/// Set in the process that plays.
const INSIDE: &str = "BMSYNC_FUZZ_INSIDE";

/// Virtual memory of the process that plays, in KiB.
const MEMORY_KIB: u64 = 6 << 20;

/// What one input may take: bounded, on a machine that is slow and busy.
const PATIENCE: Duration = Duration::from_mins(1);

/// Larger inputs are cut.
const LARGEST: usize = 256 << 10;

/// Larger inputs, and more of them, are not kept for mutation.
const KEPT_BYTES: usize = 32 << 10;
const KEPT: usize = 5000;

/// What is fuzzed.
pub struct Target {
    /// The full name of the test.
    pub test: &'static str,
    /// The folder of the corpus.
    pub corpus: &'static str,
    /// Words that mean something to it.
    pub words: &'static [&'static str],
    /// How many inputs `cargo test` plays.
    pub inputs: u64,
}

/// Plays the target; `judge` panics when something is wrong, and otherwise tells what came of the input, in few words.
pub fn play(target: &Target, judge: impl FnMut(&[u8]) -> String) {
    if std::env::var_os(INSIDE).is_some() {
        inside(target, judge);
    } else {
        outside(target);
    }
}

/// Where the input lies that is being judged.
fn input_of(target: &Target) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{}", target.corpus))
}

fn outside(target: &Target) {
    let test = std::env::current_exe().expect("a path");
    let limited = format!("ulimit -c 0; ulimit -v {MEMORY_KIB}; exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.arg("-c").arg(limited).arg(test).args([target.test, "--exact", "--nocapture"]);
    let output = command.env(INSIDE, "1").output().expect("it starts");
    let told = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    let played = told.lines().find(|line| line.starts_with("fuzz "));
    assert!(
        output.status.success() && played.is_some(),
        "{}: {}; the input is in {}\n{told}",
        target.corpus,
        output.status,
        input_of(target).display()
    );
    println!("{}", played.unwrap_or_default());
}

fn inside(target: &Target, mut judge: impl FnMut(&[u8]) -> String) {
    let seconds = number("BMSYNC_FUZZ_SECONDS");
    let seed = number("BMSYNC_FUZZ_SEED").unwrap_or_else(|| seconds.map_or(0, |_| fastrand::u64(..)));
    println!("seed {seed}");
    let (alive, heard) = channel();
    std::thread::spawn(move || watch(&heard));
    let (input, start) = (input_of(target), Instant::now());
    let mut run = |bytes: &[u8]| {
        alive.send(()).expect("the watch lives");
        std::fs::write(&input, bytes).expect("a file");
        judge(bytes)
    };
    let mut pool = corpus(target.corpus);
    let files = pool.len();
    let mut outcomes: HashSet<String> = pool.iter().map(|bytes| run(bytes)).collect();
    let mut rng = Rng::with_seed(seed);
    let mut count = 0_u64;
    while seconds.map_or(count < target.inputs, |seconds| start.elapsed().as_secs() < seconds) {
        let mut bytes = mutate(&pool, target.words, &mut rng);
        bytes.truncate(LARGEST);
        count += 1;
        if outcomes.insert(run(&bytes)) && bytes.len() <= KEPT_BYTES && pool.len() < KEPT {
            pool.push(bytes);
        }
    }
    // The name of the test may stand on this line already.
    println!(
        "\nfuzz {}: {count} inputs from {files} files, {} outcomes, seed {seed}, {:.1?}",
        target.corpus,
        outcomes.len(),
        start.elapsed()
    );
}

fn number(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok()?;
    Some(value.parse().unwrap_or_else(|error| panic!("{variable}={value}: {error}")))
}

/// Ends the process when an input takes too long.
fn watch(heard: &Receiver<()>) {
    loop {
        match heard.recv_timeout(PATIENCE) {
            Ok(()) => {}
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {
                eprintln!("an input took more than {PATIENCE:?}");
                std::process::abort();
            }
        }
    }
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(name);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files.iter().map(|file| std::fs::read(file).expect("a file")).collect()
}

/// Asserts that a terminal would not act upon the text.
#[track_caller]
pub fn is_plain(text: &str) {
    let acts = |sign: &char| {
        (sign.is_control() && *sign != '\n')
            || matches!(sign, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    let found = text.chars().find(acts);
    assert!(found.is_none(), "{found:?} in {text:?}");
}

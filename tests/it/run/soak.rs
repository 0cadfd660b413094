//! A running bmsync in trouble for as long as one likes: every fault of the simulator strikes now and then while the
//! directory changes at random. It goes on, its memory stays flat, and once the trouble is over nothing is left to do.
//!
//! `BMSYNC_SOAK_SECONDS=3600 BMSYNC_SOAK_SEED=2 cargo test --release --test it soak -- --nocapture`

use std::time::{Duration, Instant};

use bmsync::simulator::Fault;
use serde_json::Value;

use super::crowd::{Crowd, STAFF_POLICY};
use super::stage::Stage;
use super::world::CONTOSO;

/// Seconds of trouble in an ordinary test run.
const SECONDS: u64 = 60;
/// Of these, so many percent are for getting warm: caches fill, and the allocator takes what it needs.
const WARM_UP: usize = 40;
/// How often each fault strikes where it can.
const SHARE: &str = "0.01";
/// Objects on a page. A read has several, each of which some fault can end: with smaller pages hardly a read would come
/// through, and nothing would be tried but failing.
const PAGE: usize = 10;
/// How much more memory may be kept at the end than when it was warm: a percentage, and so many bytes.
const GROWTH: (u64, u64) = (110, 16 << 20);
/// How much more it may ever have needed: for each of the two rounds a page as large as one may be, once as it came and
/// once more in what carries it, 64 MiB each.
const PEAK: u64 = 4 * (64 << 20);

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Memory of the server, and how often it was looked at.
#[derive(Default)]
struct Memory {
    samples: Vec<u64>,
    /// The most that it ever was.
    peak: u64,
}

impl Memory {
    fn look(&mut self, stage: &Stage) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", stage.process())).expect("it is alive");
        let bytes = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).expect("its memory");
            let kilobytes = line.split_whitespace().nth(1).and_then(|number| number.parse::<u64>().ok());
            kilobytes.expect("a number") << 10
        };
        self.samples.push(bytes("VmRSS:"));
        self.peak = bytes("VmHWM:");
    }

    /// What was kept between two percentages of the time: what a round needs in passing comes and goes, and how long it
    /// stays is a matter of how busy the machine is.
    fn kept(&self, from: usize, to: usize) -> u64 {
        let at = |percent: usize| self.samples.len() * percent / 100;
        self.samples[at(from)..at(to)].iter().min().copied().expect("it was looked at")
    }
}

#[test]
fn a_soak_in_every_fault_ends_in_what_the_rules_say() {
    let seconds = number("BMSYNC_SOAK_SECONDS").unwrap_or(SECONDS);
    let seed = number("BMSYNC_SOAK_SEED").unwrap_or(1);
    let mut stage = Stage::paged(&[(&CONTOSO, 10)], STAFF_POLICY, PAGE);
    let mut crowd = Crowd::new(&stage, seed);
    stage.start_told();
    stage.wait_until("everybody is there", |stage| Crowd::difference(stage).is_none());

    for fault in Fault::all() {
        stage.control(&CONTOSO).set_fault(&format!("{}={SHARE}", fault.name())).expect("a fault");
    }
    let (began, length, mut memory) = (Instant::now(), Duration::from_secs(seconds), Memory::default());
    let (mut steps, mut next_look) = (0, began);
    while began.elapsed() < length {
        crowd.step(&stage);
        steps += 1;
        if Instant::now() >= next_look {
            memory.look(&stage);
            assert!(stage.get("/healthz").status == 200, "it lives");
            next_look += Duration::from_millis(500);
        }
        std::thread::sleep(crowd.pause());
    }
    stage.control(&CONTOSO).clear_faults();
    let settled =
        stage.wait_until_within("what the rules say of the directory", Duration::from_mins(3), Crowd::difference);
    let (warm, end) = (memory.kept(WARM_UP, WARM_UP + 20), memory.kept(80, 100));
    let events = proof_of_events(&stage);
    eprintln!(
        "seed {seed}: {steps} changes in {seconds} s, {events} events, {} requests, settled after {settled:?}, \
         memory {} MiB when warm, {} MiB at the end, {} MiB at most, {}",
        stage.control(&CONTOSO).stats().total(),
        warm >> 20,
        end >> 20,
        memory.peak >> 20,
        rounds(&stage)
    );
    assert!(end <= warm * GROWTH.0 / 100 + GROWTH.1, "seed {seed}: memory grew from {warm} to {end}");
    assert!(memory.peak <= warm + PEAK, "seed {seed}: memory was {} at most", memory.peak);

    let plan = stage.post("/v1/plan", "").json();
    for count in
        ["create", "merge", "update", "archive", "restore", "deactivate", "reactivate", "touched", "blocked", "held"]
    {
        assert_eq!(plan["summary"][count], 0, "seed {seed}: {}", plan["summary"]);
    }
    assert!(stage.stop().is_some_and(|status| status.success()), "seed {seed}");
    assert_eq!(stage.control(&CONTOSO).subscriptions(), Value::Array(Vec::new()), "seed {seed}");
}

/// What became of the rounds, and how many requests of it met a fault, as the server counts them.
fn rounds(stage: &Stage) -> String {
    let text = stage.get("/metrics").body;
    let sum = |is_meant: &dyn Fn(&str) -> bool| -> f64 {
        text.lines().filter(|line| is_meant(line)).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    };
    let of = |result: &str| {
        sum(&|line| line.starts_with("bmsync_rounds_total{") && line.contains(&format!("result=\"{result}\"")))
    };
    let requests = |line: &str| line.starts_with("bmsync_graph_requests_total{");
    let faulty = sum(&|line| requests(line) && !line.contains("status=\"2"));
    format!(
        "{} rounds wrote, {} found nothing, {} failed; {faulty} of {} answers were errors",
        of("changed"),
        of("quiet"),
        of("failed"),
        sum(&requests)
    )
}

/// Every change of a record has its event, once: IDs without gaps, each event begins with what the one before of the
/// same record ended with, and the last ones are the records of now. How many there are.
pub(super) fn proof_of_events(stage: &Stage) -> u64 {
    let mut last: std::collections::BTreeMap<(String, u64), Value> = std::collections::BTreeMap::new();
    let mut after = 0;
    loop {
        let page = stage.get(&format!("/v1/events?limit=1000&after={after}")).json();
        for event in page["items"].as_array().expect("events") {
            after += 1;
            assert_eq!(event["id"], after, "no event is missing or doubled");
            let key = (event["kind"].as_str().expect("a kind").to_owned(), event["recordId"].as_u64().expect("an ID"));
            let before = last.insert(key, event["after"].clone()).unwrap_or_default();
            assert_eq!(event["before"], before, "event {after} begins with another record than the one before left");
        }
        if page["next"].is_null() {
            break;
        }
    }
    let records: Vec<Value> = stage.all("employees").into_iter().chain(stage.all("contacts")).collect();
    assert_eq!(records.len(), last.len(), "each record has events, and none was deleted");
    for record in records {
        let key = (record["kind"].as_str().expect("a kind").to_owned(), record["id"].as_u64().expect("an ID"));
        assert_eq!(last.get(&key), Some(&record), "the last event of a record is how it is");
    }
    after
}

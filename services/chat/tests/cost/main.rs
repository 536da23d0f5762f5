//! What it costs to clean a message, whatever somebody makes up.

#![expect(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::fmt::Write as _;
use std::hint::black_box;
use std::iter;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use sinaesta_chat::domain::markup;

/// How many bytes are allocated, and how many were at once since that was last set back.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

#[expect(unsafe_code, reason = "it counts, and leaves the rest to the system's allocator")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        PEAK.fetch_max(NOW.fetch_add(layout.size(), Relaxed) + layout.size(), Relaxed);
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most that a message of 16 kB costs more than plain text of that length; the time as it is delivered, optimised.
const MORE_TIME: Duration = Duration::from_millis(if cfg!(debug_assertions) { 60 } else { 10 });
const MORE_BYTES: usize = 8 * 1024 * 1024;
/// As many bytes as a message of the longest that a client may send has.
const LENGTH: usize = 16_000;

/// The time that it takes while nothing else goes on, the shortest of several or the first that is short `enough`; and the
/// bytes that it needs at once.
fn cost(message: &str, enough: Duration) -> (Duration, usize) {
    let mut least = Duration::MAX;
    let before = NOW.load(Relaxed);
    PEAK.store(before, Relaxed);
    for _ in 0..9 {
        let began = Instant::now();
        let _ = black_box(markup::clean(black_box(message)));
        least = least.min(began.elapsed());
        if least < enough {
            break;
        }
    }
    (least, PEAK.load(Relaxed) - before)
}

fn filled(unit: &str, length: usize) -> String {
    unit.repeat(length / unit.len())
}

/// Opening tags with different attributes, in a block; then blocks, each of which a tree builder puts all of them in again.
fn adopted(inline: &str, block: &str, length: usize) -> String {
    let mut message = format!("<{block}>");
    for number in (0..).take_while(|number| number * 16 < length / 2) {
        write!(message, "<{inline} id={number}>").unwrap();
    }
    message.extend(iter::repeat_n(format!("<{block}>x"), length / 2 / (block.len() + 3)));
    message
}

/// What is long where a tokenizer may look far ahead, or back.
const LONG: &[&str] = &[
    "<",
    "</",
    "<b ",
    "<b/id=",
    "<b id=\"",
    "<b id='",
    "<b id='<b id=\"",
    "<b id=x ",
    "<b x/",
    "<b class=<b ",
    "<b ===",
    "<!--",
    "<!-- --!",
    "<!-->",
    "<script>",
    "<style></script>",
    "</script ",
    "<script></script \"",
    "<script></style>",
    "<b onclick",
    "<b data-",
    "&",
    "&CounterClockwiseContourIntegra",
    "&#",
    "&#0",
    "<a href=&amp;",
    "<a href='https://x.org'>",
    "<b></b>",
    "<b><i></b>",
    "<b><i><em><strong></b></i>",
    "<p><b></p>",
    "\r",
    "<br>",
];

/// One test, so that nothing else is counted.
#[test]
fn a_message_costs_what_its_bytes_cost() {
    let plain = cost(&filled("x", LENGTH), Duration::ZERO);
    let names: Vec<_> = markup::element_names().collect();
    assert!(names.len() > 130, "of every element");
    let nested = names.iter().flat_map(|name| {
        [
            filled(&format!("<{name}>"), LENGTH),
            filled(&format!("<{name}><a href=https://x.org>"), LENGTH),
            filled(&format!("<{name}><b></{name}>x"), LENGTH),
            adopted("b", name, LENGTH),
            adopted(name, "p", LENGTH),
        ]
    });
    let long = LONG.iter().map(|unit| filled(unit, LENGTH));
    let (mut slowest, mut largest) = ((Duration::ZERO, String::new()), 0);
    for message in nested.chain(long) {
        let (time, bytes) = cost(&message, MORE_TIME / 2);
        let shown: String = message.chars().take(80).collect();
        assert!(time < plain.0 + MORE_TIME, "{time:?} instead of {:?}: {shown}", plain.0);
        assert!(bytes < plain.1 + MORE_BYTES, "{bytes} bytes instead of {}: {shown}", plain.1);
        slowest = slowest.max((time, shown));
        largest = largest.max(bytes);
    }

    println!("plain text: {:?}, {} bytes; the slowest: {slowest:?}; the most bytes: {largest}", plain.0, plain.1);

    // Sixteen times the bytes cost about sixteen times the time; what looks at each byte for each other costs 256 times.
    for unit in LONG {
        let (once, _) = cost(&filled(unit, LENGTH), Duration::ZERO);
        let most = 48 * once;
        let (more, _) = cost(&filled(unit, 16 * LENGTH), most);
        assert!(more < most, "{once:?}, and {more:?} for sixteen times the bytes: {unit}");
    }
}

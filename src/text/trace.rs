//! How crashes of different languages go on from line to line. Knows lines without a header only; what a header means
//! is the joiner's business.

use super::class::Class;
use super::cursor::Cursor;

/// What kind of trace a record holds, and where in it the last line was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Trace {
    /// No crash so far.
    #[default]
    None,
    /// `at …` frames of Java, Kotlin, Scala, .NET or JavaScript, or the exception above them.
    Frames,
    /// Between Python's `Traceback` and the exception that ends it.
    Python,
    /// Behind the exception; a chained traceback may follow.
    PythonEnd,
    /// The same behind an error that lists places in the data that was validated, each on a line of its own.
    PythonData,
    /// Behind `During handling of the above exception, another exception occurred:`.
    PythonChain,
    /// A Go panic, or the runtime's words before one, whose goroutines are still to come.
    GoPanic,
    /// A dump of goroutines.
    Go,
    /// Between the place in a JavaScript file and the error that was thrown there.
    NodePlace,
    /// Behind `thread '…' panicked at …:`; the message follows.
    RustPanic,
    /// Behind Rust's message.
    Rust,
    Ruby,
    /// Numbered frames of PHP and Dart, or what announces them.
    Php,
    /// Behind `Unhandled exception:` alone; the exception follows.
    Unhandled,
    /// The report of an Erlang or Elixir process.
    Beam,
    /// What the runtime of Swift, C++ or another native language prints about its end.
    Native,
    /// The report of a sanitizer, up to its last words.
    Sanitizer,
    /// Behind the last words of a crash.
    Over,
    /// Lines that all begin with `#`, as the Java machine's last words do.
    Hashes,
    /// The same with a failure in it.
    FatalHashes,
    /// Threads of a Java machine; no failure.
    Threads,
    /// A statement over several lines; no failure.
    Sql,
    /// Ruled lines and blank ones: banners and tables; no failure.
    Picture,
    /// `key: value` lines and lists below what announced them; no failure.
    Listing,
}

const TRACEBACK: &[u8] = b"Traceback (most recent call last):";

impl Trace {
    /// Whether a record that holds this tells of a failure even if it does not say so.
    pub(super) const fn is_crash(self) -> bool {
        !matches!(
            self,
            Self::None | Self::Hashes | Self::Threads | Self::Sql | Self::Picture | Self::Listing
        )
    }

    /// Whether its last line ends it, so that no further one is to be expected.
    pub(super) const fn is_over(self) -> bool {
        matches!(self, Self::PythonEnd | Self::Over)
    }

    /// The trace that begins with this unindented line without a header, whatever was before it.
    pub(super) fn begun_by(line: &[u8]) -> Self {
        let begins = |text: &[u8]| line.starts_with(text);
        match line.first() {
            Some(b'T') if begins(TRACEBACK) => Self::Python,
            Some(b'E') if begins(b"Exception in thread ") => Self::Frames,
            Some(b'U' | b'u') if line.eq_ignore_ascii_case(b"unhandled exception:") => Self::Unhandled,
            Some(b'U') if begins(b"Unhandled exception. ") || begins(b"Unhandled Exception: ") => Self::Frames,
            Some(b'p') if begins(b"panic: ") => Self::GoPanic,
            Some(b'f') if begins(b"fatal error: ") => Self::GoPanic,
            Some(b'r') if begins(b"runtime: ") => Self::GoPanic,
            Some(b'S') if begins(b"SIG") && is_go_signal(line) => Self::GoPanic,
            Some(b'g') if is_goroutine(line) => Self::Go,
            Some(b't') if begins(b"thread '") => rust_panic(line),
            Some(b'P') if begins(b"PHP Fatal error:") => Self::Php,
            Some(b'F') if begins(b"Fatal error: Uncaught ") => Self::Php,
            Some(b'F') if begins(b"Fatal error: ") => Self::Native,
            Some(b'F') if begins(b"Full thread dump ") => Self::Threads,
            Some(b't') if begins(b"terminate called ") => Self::Native,
            Some(b'*') if begins(b"** (") => Self::Beam,
            Some(b'=') if is_sanitizer(line) => Self::Sanitizer,
            Some(b'#') if line == b"#" => Self::Hashes,
            _ if is_art(line) => Self::Picture,
            _ if is_ruby_place(line) => Self::Ruby,
            _ if is_script_place(line) => Self::NodePlace,
            _ if is_exception(line) => Self::Frames,
            _ => Self::None,
        }
    }

    /// The trace that an indented line belongs to; `text` is the line without its indentation.
    pub(super) fn indented(self, text: &[u8]) -> Self {
        match self {
            Self::None | Self::Picture | Self::Listing | Self::PythonChain if is_frame(text) => Self::Frames,
            Self::None | Self::Picture | Self::Frames | Self::PythonChain if is_python_frame(text) => Self::Python,
            Self::None | Self::Picture if text.starts_with(b"from ") && is_ruby_place(text) => Self::Ruby,
            Self::RustPanic => Self::Rust,
            Self::Unhandled => Self::Php,
            same => same,
        }
    }

    /// The trace behind an unindented line without a header, if the line goes on with this one.
    pub(super) fn continued_by(self, line: &[u8]) -> Option<Self> {
        if let Some(next) = continued_anywhere(line) {
            return Some(next.unwrap_or(self));
        }
        match self {
            Self::None | Self::Over => None,
            Self::Frames if line.starts_with(TRACEBACK) => Some(Self::Python),
            Self::Frames => line.starts_with(b"- /").then_some(Self::Frames),
            Self::Python => Some(if memchr::memmem::find(line, b" validation error").is_some() {
                Self::PythonData
            } else {
                Self::PythonEnd
            }),
            Self::PythonEnd => is_more_of_a_database_error(line).then_some(self),
            Self::PythonData => is_place_in_data(line).then_some(self),
            Self::PythonChain => Some(if line.starts_with(TRACEBACK) {
                Self::Python
            } else {
                Self::PythonEnd
            }),
            Self::GoPanic if line.starts_with(b"fatal error: ") || line.starts_with(b"runtime: ") => Some(self),
            Self::GoPanic | Self::Go if is_goroutine(line) => Some(Self::Go),
            Self::GoPanic | Self::Go => is_go(line).then_some(self),
            Self::NodePlace => Some(Self::Frames),
            Self::RustPanic => Some(Self::Rust),
            Self::Rust => is_rust_note(line).then_some(Self::Rust),
            Self::Ruby => (is_ruby_place(line) && line.ends_with(b"'")).then_some(Self::Ruby),
            Self::Php => is_php(line).then_some(Self::Php),
            Self::Unhandled => Some(Self::Php),
            Self::Beam => is_beam(line).then_some(Self::Beam),
            Self::Native => is_native(line).then_some(Self::Native),
            Self::Sanitizer => Some(if line.starts_with(b"==") && line.ends_with(b"ABORTING") {
                Self::Over
            } else {
                Self::Sanitizer
            }),
            Self::Hashes | Self::FatalHashes => (line.first() == Some(&b'#')).then(|| {
                let fatal = memchr::memmem::find(line, b" fatal error ").is_some();
                if fatal { Self::FatalHashes } else { self }
            }),
            Self::Threads => matches!(line.first(), Some(b'"' | b'}')).then_some(self),
            Self::Sql => is_clause(line).then_some(self),
            Self::Picture if is_sanitizer(line) => Some(Self::Sanitizer),
            Self::Picture => (is_art(line) || matches!(line.first(), Some(b'|' | b'+'))).then_some(self),
            Self::Listing => is_listed(line).then_some(self),
        }
    }
}

/// Lines that never begin anything: they say in words that they belong to the lines above.
#[expect(
    clippy::option_option,
    reason = "outer: does it go on; inner: with another trace than before"
)]
fn continued_anywhere(line: &[u8]) -> Option<Option<Trace>> {
    let begins = |text: &[u8]| line.starts_with(text);
    let trace = match line.first()? {
        b'C' if begins(b"Caused by:") => Some(Trace::Frames),
        b'S' if begins(b"Suppressed:") => Some(Trace::Frames),
        b'W' if begins(b"Wrapped by:") => Some(Trace::Frames),
        b'.' if begins(b"... ") && line.ends_with(b" more") => Some(Trace::Frames),
        b'a' if is_frame(line) => Some(Trace::Frames),
        b'D' if begins(b"During handling of the above exception") => Some(Trace::PythonChain),
        b'T' if begins(b"The above exception was the direct cause") => Some(Trace::PythonChain),
        b's' if begins(b"stack backtrace:") => Some(Trace::Rust),
        b'S' if begins(b"Stack backtrace:") => Some(Trace::Rust),
        b'n' if begins(b"note: run with `RUST_BACKTRACE") => Some(Trace::Rust),
        b'N' if begins(b"Node.js v") => Some(Trace::Frames),
        b'R' if begins(b"Require stack:") => Some(Trace::Frames),
        b'(' if begins(b"(Use `node ") => None,
        b'E' if begins(b"Emitted 'error' event ") => Some(Trace::Frames),
        b'-' if begins(b"--- End of ") && line.ends_with(b" ---") => Some(Trace::Frames),
        b'S' if line == b"Stack trace:" => Some(Trace::Php),
        b'[' if line == b"[stacktrace]" || line == b"[previous exception]" => Some(Trace::Php),
        b'"' if line == b"\"}" => None,
        b'D' if begins(b"Did you mean?  ") => Some(Trace::Ruby),
        b'}' | b']' | b')' => None,
        _ => return None,
    };
    Some(trace)
}

/// `at com.shop.Cart.add(Cart.java:12)`, `at Socket.emit (node:events:479:44)`, `at Shop.Cart.Add() in /src/Cart.cs:line 5`.
fn is_frame(text: &[u8]) -> bool {
    text.starts_with(b"at ")
        && (text.ends_with(b")")
            || memchr::memchr(b'(', text).is_some()
            || text.last().is_some_and(u8::is_ascii_digit)
            || text.ends_with(b" {"))
}

/// `File "/app/run.py", line 80, in run`.
fn is_python_frame(text: &[u8]) -> bool {
    (text.starts_with(b"File \"") && memchr::memmem::find(text, b"\", line ").is_some())
        || text.ends_with(b"Exception Group Traceback (most recent call last):")
}

/// `goroutine 12 [running]:`
pub(super) fn is_goroutine(line: &[u8]) -> bool {
    let Some(rest) = line.strip_prefix(b"goroutine ") else {
        return false;
    };
    rest.first().is_some_and(u8::is_ascii_digit) && rest.ends_with(b"]:")
}

/// `SIGSEGV: segmentation violation`
fn is_go_signal(line: &[u8]) -> bool {
    let mut cursor = Cursor::new(line, 0);
    cursor.skip_while(|b| b.is_ascii_uppercase());
    cursor.starts_with(b": ")
}

/// Lines between the frames of a Go dump, and the frames' functions: `main.(*Catalog).add({0xc000, 0x2a})`.
fn is_go(line: &[u8]) -> bool {
    let between = [
        &b"created by "[..],
        b"[signal ",
        b"exit status ",
        b"goroutine ",
        b"runtime stack:",
        b"...",
    ];
    if between.iter().any(|text| line.starts_with(text)) {
        return true;
    }
    let opened = memchr::memchr(b'(', line);
    let is_call = line.ends_with(b")") || line.ends_with(b"...)");
    is_call && opened.is_some_and(|at| !line.iter().take(at).any(|b| *b == b' ')) || is_register(line)
}

/// `rax    0x0`
fn is_register(line: &[u8]) -> bool {
    let mut cursor = Cursor::new(line, 0);
    let name = cursor.skip_while(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let blanks = cursor.skip_while(|b| b == b' ');
    matches!(name.len(), 2..=6) && !blanks.is_empty() && cursor.starts_with(b"0x")
}

/// `thread 'main' panicked at src/main.rs:2:5:`, and before Rust 1.73 with the message on the same line.
fn rust_panic(line: &[u8]) -> Trace {
    if memchr::memmem::find(line, b" panicked at ").is_none() {
        Trace::None
    } else if line.ends_with(b":") {
        Trace::RustPanic
    } else {
        Trace::Rust
    }
}

fn is_rust_note(line: &[u8]) -> bool {
    line.starts_with(b"note: ") || line.starts_with(b"error: ") || line.starts_with(b"Location:")
}

/// A place in Ruby code, as in ``/app/lib/sync.rb:40:in `fetch': …``, also behind `from`.
fn is_ruby_place(line: &[u8]) -> bool {
    let mut dots = memchr::memchr_iter(b'.', line);
    let Some(at) = dots.find(|at| line.get(*at..).is_some_and(|rest| rest.starts_with(b".rb:"))) else {
        return false;
    };
    let mut cursor = Cursor::new(line, at + 4);
    !cursor.skip_while(|b| b.is_ascii_digit()).is_empty() && cursor.starts_with(b":in ")
}

/// `/srv/app/server.js:10`, `file:///srv/app/server.mjs:10`, `node:internal/modules/cjs/loader:1078`.
fn is_script_place(line: &[u8]) -> bool {
    if !matches!(line.first(), Some(b'/' | b'f' | b'n')) || line.contains(&b' ') {
        return false;
    }
    let Some(colon) = line.iter().rposition(|b| *b == b':') else {
        return false;
    };
    let (place, number) = line.split_at(colon);
    let number = number.strip_prefix(b":").unwrap_or_default();
    let digits = !number.is_empty() && number.iter().all(u8::is_ascii_digit);
    let script = [&b".js"[..], b".mjs", b".cjs", b".ts", b".tsx"];
    digits && (place.starts_with(b"node:") || script.iter().any(|ending| place.ends_with(ending)))
}

/// `com.shop.PaymentTimeoutException: …`, `TypeError: …`, `System.InvalidOperationException`: a class that is called an
/// exception, then a colon or nothing.
pub(super) fn is_exception(line: &[u8]) -> bool {
    let endings = [&b"Exception"[..], b"Error", b"Throwable", b"Failure", b"Fault"];
    class_name(line).is_some_and(|name| {
        let class = name.rsplit(|b| *b == b'.').next().unwrap_or_default();
        endings
            .iter()
            .any(|ending| class.ends_with(ending) && class.len() > ending.len())
    })
}

/// `com.shop.BasketLocked: …`: any class in a package, then a colon. Below an error this is an exception; alone it may
/// be a logger.
pub(super) fn is_class_in_package(line: &[u8]) -> bool {
    class_name(line).is_some_and(|name| {
        let packages = name.split(|b| *b == b'.').count() - 1;
        packages >= 2 && name.first().is_some_and(u8::is_ascii_lowercase) && line.len() > name.len()
    })
}

static CLASS_NAME: Class = Class::word_and(b"._$");

/// The name of a class at the front of the line, with its packages, if a colon or nothing follows.
fn class_name(line: &[u8]) -> Option<&[u8]> {
    let mut cursor = Cursor::new(line, 0);
    let name = cursor.skip_class(&CLASS_NAME);
    let ends = match cursor.peek() {
        None => true,
        Some(b':') => matches!(cursor.peek_at(1), None | Some(b' ')),
        Some(_) => false,
    };
    if !ends {
        return None;
    }
    let class = name.rsplit(|b| *b == b'.').next()?;
    class.first()?.is_ascii_uppercase().then_some(name)
}

/// What the exceptions of database drivers print below their first line.
fn is_more_of_a_database_error(line: &[u8]) -> bool {
    [
        &b"DETAIL:"[..],
        b"HINT:",
        b"CONTEXT:",
        b"LINE ",
        b"[SQL:",
        b"[parameters:",
        b"(Background on this error",
    ]
    .iter()
    .any(|text| line.starts_with(text))
}

/// What PHP prints between and behind its frames.
fn is_php(line: &[u8]) -> bool {
    let between = [
        &b"Stack trace:"[..],
        b"[stacktrace]",
        b"[previous exception]",
        b"Next ",
        b"thrown in ",
    ];
    is_numbered(line) || between.iter().any(|text| line.starts_with(text))
}

/// What Elixir and Erlang print about a process below what ended it.
fn is_beam(line: &[u8]) -> bool {
    let parts = [
        &b"** "[..],
        b"Last message",
        b"State:",
        b"Process Label:",
        b"Initial Call:",
        b"Ancestors:",
        b"Function:",
        b"Args:",
        b"Client ",
        b"Start Call:",
        b"Queue:",
    ];
    parts.iter().any(|text| line.starts_with(text))
}

/// What native runtimes print below their first line: numbered frames with addresses, the words between them.
fn is_native(line: &[u8]) -> bool {
    let between = [
        &b"Current stack trace:"[..],
        b"what():",
        b"Stack dump:",
        b"Stack dump without symbol",
    ];
    let frame = line.first().is_some_and(u8::is_ascii_digit) && memchr::memmem::find(line, b" 0x").is_some();
    frame || is_numbered(line) || between.iter().any(|text| line.starts_with(text))
}

/// `==7==ERROR: AddressSanitizer: …`
fn is_sanitizer(line: &[u8]) -> bool {
    let mut cursor = Cursor::new(line, 0);
    cursor.eat_text(b"==")
        && !cursor.skip_while(|b| b.is_ascii_digit()).is_empty()
        && cursor.eat_text(b"==")
        && (cursor.starts_with(b"ERROR: ") || cursor.starts_with(b"WARNING: "))
        && memchr::memmem::find(line, b"Sanitizer: ").is_some()
}

/// A line that is drawn and not written: rules, borders of tables, letters made of signs.
pub(super) fn is_art(line: &[u8]) -> bool {
    if !line.first().is_some_and(u8::is_ascii_punctuation) {
        return false;
    }
    if matches!(line.first(), Some(b'{' | b'}' | b'[' | b']')) {
        return false;
    }
    let signs = line.iter().filter(|b| b.is_ascii_punctuation()).count();
    let others = line
        .iter()
        .filter(|b| b.is_ascii_alphanumeric() || !b.is_ascii())
        .count();
    signs >= 3 && signs > 2 * others
}

/// Whether a message begins a statement of SQL.
pub(super) fn is_statement(message: &[u8]) -> bool {
    if !matches!(
        message.first(),
        Some(b'S' | b'I' | b'U' | b'D' | b'W' | b'C' | b'A' | b'M' | b'E')
    ) {
        return false;
    }
    let mut cursor = Cursor::new(message, 0);
    let verb = cursor.skip_while(|b| b.is_ascii_uppercase());
    let ends = matches!(cursor.peek(), None | Some(b' ' | b'\t' | b'\r'));
    ends && matches!(
        verb,
        b"SELECT"
            | b"INSERT"
            | b"UPDATE"
            | b"DELETE"
            | b"WITH"
            | b"CREATE"
            | b"ALTER"
            | b"DROP"
            | b"MERGE"
            | b"EXPLAIN"
    )
}

/// Whether a line goes on with a statement of SQL.
fn is_clause(line: &[u8]) -> bool {
    let mut cursor = Cursor::new(line, 0);
    let word = cursor.skip_while(|b| b.is_ascii_uppercase());
    let clause = matches!(
        word,
        b"FROM"
            | b"WHERE"
            | b"AND"
            | b"OR"
            | b"ORDER"
            | b"GROUP"
            | b"HAVING"
            | b"LIMIT"
            | b"OFFSET"
            | b"JOIN"
            | b"LEFT"
            | b"RIGHT"
            | b"INNER"
            | b"OUTER"
            | b"FULL"
            | b"CROSS"
            | b"ON"
            | b"SET"
            | b"VALUES"
            | b"RETURNING"
            | b"UNION"
            | b"INTO"
            | b"USING"
            | b"SELECT"
            | b"AS"
            | b"WHEN"
            | b"ELSE"
            | b"END"
            | b"FOR"
    );
    (clause && matches!(cursor.peek(), None | Some(b' '))) || matches!(line.first(), Some(b'(' | b')'))
}

/// `key: value`, `- item` of YAML and the like.
pub(super) fn is_listed(line: &[u8]) -> bool {
    let mut cursor = Cursor::new(line, 0);
    if cursor.eat_text(b"- ") || cursor.eat_text(b"* ") {
        return true;
    }
    let key = cursor.skip_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
    !key.is_empty() && cursor.eat(b':') && matches!(cursor.peek(), None | Some(b' '))
}

/// Where in the data the error is, as validating libraries print it on a line of its own: `items.0.price`.
fn is_place_in_data(line: &[u8]) -> bool {
    line.len() <= 80 && line.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_') && {
        line.iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'[' | b']'))
            && line.iter().any(u8::is_ascii_lowercase)
    }
}

/// `#0 /app/index.php(3): run()`
fn is_numbered(line: &[u8]) -> bool {
    line.first() == Some(&b'#') && line.get(1).is_some_and(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_begin(line: &str, expected: Trace) {
        assert_eq!(Trace::begun_by(line.as_bytes()), expected, "{line:?}");
    }

    #[test]
    fn crashes_are_known_by_their_first_line() {
        check_begin("Traceback (most recent call last):", Trace::Python);
        check_begin(
            "panic: runtime error: index out of range [5] with length 3",
            Trace::GoPanic,
        );
        check_begin("goroutine 1 [running]:", Trace::Go);
        check_begin("thread 'main' panicked at src/main.rs:2:5:", Trace::RustPanic);
        check_begin("thread 'main' panicked at 'boom', src/main.rs:2:5", Trace::Rust);
        check_begin("/srv/app/src/server.js:10", Trace::NodePlace);
        check_begin("node:internal/modules/cjs/loader:1078", Trace::NodePlace);
        check_begin("/app/lib/sync.rb:40:in `fetch': gone (Errno::ECONNRESET)", Trace::Ruby);
        check_begin(
            "Exception in thread \"main\" java.lang.IllegalStateException",
            Trace::Frames,
        );
        check_begin("java.lang.OutOfMemoryError: Java heap space", Trace::Frames);
        check_begin("TypeError: x is not a function", Trace::Frames);
    }

    #[test]
    fn ordinary_lines_begin_no_crash() {
        for line in [
            "",
            "panicking",
            "thread 'main' started",
            "Error: no",
            "Listening on :8080",
            "fetch: done",
            "goroutine 1",
            "file.txt",
        ] {
            check_begin(line, Trace::None);
        }
    }
}

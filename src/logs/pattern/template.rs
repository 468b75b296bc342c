//! The text of a pattern: constants as they stand, variables as `<*>`, but with their value while all records agree on it.

use super::parts::{Role, is_exception};
use super::scan::{Item, Kind};

/// Bytes of one value that are remembered; a longer one is masked from the start.
const LONGEST_VALUE: usize = 120;

/// Bytes of a template's text.
const LONGEST_TEXT: usize = 2048;

const MASK: &str = "<*>";

/// A pattern's text and the values that have not varied so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Template {
    texts: Vec<Text>,
    /// One per variable of all texts; `None` once it varied.
    values: Vec<Option<Box<str>>>,
    /// Variables that may still turn out to vary.
    open: usize,
    /// Shown instead, for patterns that are not made of words.
    request: Option<u16>,
    shown: String,
}

#[derive(Clone, Debug)]
struct Text {
    pieces: Vec<Piece>,
    leads: bool,
    cause: bool,
    place: bool,
}

#[derive(Clone, Debug)]
enum Piece {
    Constant(Box<str>),
    Variable(usize),
}

impl Template {
    pub(super) fn fixed(text: &str) -> Self {
        Self {
            shown: text.to_owned(),
            ..Self::default()
        }
    }

    /// An answered request: method and outcome are all that stays.
    pub(super) fn of_request(status: Option<u16>) -> Self {
        Self {
            request: status,
            ..Self::default()
        }
    }

    pub(super) fn text(&self) -> &str {
        &self.shown
    }

    /// Whether another record could change it.
    pub(super) fn is_open(&self) -> bool {
        self.open > 0
    }

    pub(super) fn add(&mut self, text: &[u8], items: &[Item], role: Role) {
        let mut pieces = Vec::new();
        let mut constant = String::new();
        let mut end = None;
        for item in items {
            if end.is_some_and(|end| end < item.start) {
                constant.push(' ');
            }
            end = Some(item.end);
            let bytes = item.bytes(text);
            match item.kind {
                Kind::Variable => {
                    if !constant.is_empty() {
                        pieces.push(Piece::Constant(std::mem::take(&mut constant).into()));
                    }
                    pieces.push(Piece::Variable(self.values.len()));
                    let value = (bytes.len() <= LONGEST_VALUE).then(|| String::from_utf8_lossy(bytes).into());
                    self.open += usize::from(value.is_some());
                    self.values.push(value);
                }
                Kind::Status(hundreds) => {
                    constant.push(char::from(hundreds));
                    constant.push_str("xx");
                }
                Kind::Word | Kind::Mark(_) | Kind::Code => constant.push_str(&String::from_utf8_lossy(bytes)),
            }
        }
        if !constant.is_empty() {
            pieces.push(Piece::Constant(constant.into()));
        }
        self.texts.push(Text {
            pieces,
            leads: matches!(role, Role::Failure | Role::Cause) && is_exception(text),
            cause: role == Role::Cause,
            place: role == Role::Place,
        });
    }

    /// All texts of the first record were added.
    pub(super) fn close(&mut self) {
        self.show();
    }

    /// Compares with the texts of another record of the same pattern.
    pub(super) fn compare(&mut self) -> Comparison<'_> {
        Comparison {
            template: self,
            next: 0,
            changed: false,
        }
    }

    fn show(&mut self) {
        let lead = self.root_cause();
        let rest = (0..self.texts.len()).filter(|n| Some(*n) != lead);
        let mut shown = String::new();
        for n in lead.into_iter().chain(rest) {
            let Some(text) = self.texts.get(n) else { continue };
            if lead.is_some() && text.is_introduction() {
                continue;
            }
            if !shown.is_empty() {
                shown.push('\n');
            }
            if text.place {
                shown.push_str("at ");
            }
            self.write(text, &mut shown);
        }
        if let Some(status) = self.request {
            shown = format!("{shown} {MASK} {}xx", status / 100);
        }
        if shown.len() > LONGEST_TEXT {
            let end = shown.floor_char_boundary(LONGEST_TEXT);
            shown.truncate(end);
        }
        self.shown = shown;
    }

    /// The failure at the bottom of a chain: the last one that is called a cause, else the first, because Python tells
    /// a chain in the order in which it happened.
    fn root_cause(&self) -> Option<usize> {
        let cause = self.texts.iter().rposition(|text| text.leads && text.cause);
        cause.or_else(|| self.texts.iter().position(|text| text.leads))
    }

    fn write(&self, text: &Text, shown: &mut String) {
        for piece in &text.pieces {
            shown.push_str(match piece {
                Piece::Constant(constant) => constant,
                Piece::Variable(n) => self.values.get(*n).and_then(Option::as_deref).unwrap_or(MASK),
            });
        }
    }
}

impl Text {
    /// `Traceback (most recent call last):` says nothing beside the exception.
    fn is_introduction(&self) -> bool {
        match self.pieces.first() {
            Some(Piece::Constant(text)) => text.starts_with("Traceback (most recent call last)"),
            Some(Piece::Variable(_)) | None => false,
        }
    }
}

/// One record against the values so far.
pub(super) struct Comparison<'a> {
    template: &'a mut Template,
    next: usize,
    changed: bool,
}

impl Comparison<'_> {
    pub(super) fn with(&mut self, text: &[u8], items: &[Item]) {
        for item in items.iter().filter(|item| item.kind == Kind::Variable) {
            let value = self.template.values.get_mut(self.next);
            self.next += 1;
            let Some(known @ Some(_)) = value else { continue };
            let agrees = known
                .as_deref()
                .is_some_and(|known| String::from_utf8_lossy(item.bytes(text)) == known);
            if !agrees {
                *known = None;
                self.template.open -= 1;
                self.changed = true;
            }
        }
    }
}

impl Drop for Comparison<'_> {
    fn drop(&mut self) {
        if self.changed {
            self.template.show();
        }
    }
}

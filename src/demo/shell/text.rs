//! Programs that take lines and give lines: `head`, `sort`, `cut`, `tr`, `wc`, `printf` …

use std::cmp::Ordering;

use super::call::{Call, Ended, lines};

pub fn head(call: &mut Call<'_>) -> Ended {
    ends(
        call,
        |content, count| {
            let kept = content.split_inclusive(|byte| *byte == b'\n').take(count);
            kept.flatten().copied().collect()
        },
        |content, count| content.get(..count).unwrap_or(content).to_vec(),
    )
}

pub fn tail(call: &mut Call<'_>) -> Ended {
    ends(
        call,
        |content, count| {
            let all: Vec<&[u8]> = content.split_inclusive(|byte| *byte == b'\n').collect();
            let kept = all.iter().skip(all.len().saturating_sub(count));
            kept.copied().flatten().copied().collect()
        },
        |content, count| {
            content
                .get(content.len().saturating_sub(count)..)
                .unwrap_or(content)
                .to_vec()
        },
    )
}

fn ends(call: &mut Call<'_>, by_lines: fn(&[u8], usize) -> Vec<u8>, by_bytes: fn(&[u8], usize) -> Vec<u8>) -> Ended {
    let words = old_style_count(call.words);
    let words: &[String] = &words;
    let mut inner = Call {
        words,
        written: Vec::new(),
        machine: &mut *call.machine,
        ..*call
    };
    let Some(options) = inner.options(&["n:", "c:", "f", "F", "q", "v", "lines:", "bytes:"]) else {
        call.written.append(&mut inner.written);
        return Ok(1);
    };
    let count = options.value(&["n", "lines"]).unwrap_or("10");
    let bytes = options.value(&["c", "bytes"]);
    let from_start = call.name == "tail" && count.starts_with('+');
    let Ok(number) = bytes.unwrap_or(count).trim_start_matches(['-', '+']).parse::<usize>() else {
        call.complain(format!("invalid number of lines: '{count}'"));
        return Ok(1);
    };
    let (contents, status) = call.read_all(&options.operands)?;
    let titled = contents.len() > 1 && !options.has("q") || options.has("v");
    for (n, (name, content)) in contents.iter().enumerate() {
        if titled {
            let gap = if n > 0 { "\n" } else { "" };
            call.out(format!("{gap}==> {name} <==\n"));
        }
        let all_but = call.name == "head" && count.starts_with('-');
        let part = if bytes.is_some() {
            by_bytes(content, number)
        } else if from_start {
            content
                .split_inclusive(|byte| *byte == b'\n')
                .skip(number.saturating_sub(1))
                .flatten()
                .copied()
                .collect()
        } else if all_but {
            by_lines(content, lines(content).count().saturating_sub(number))
        } else {
            by_lines(content, number)
        };
        call.out(part);
    }
    Ok(status)
}

/// `-5` is `-n 5`.
fn old_style_count(words: &[String]) -> Vec<String> {
    let new = words.iter().enumerate().map(|(n, word)| match word.strip_prefix('-') {
        Some(count) if n == 0 && !count.is_empty() && count.chars().all(|c| c.is_ascii_digit()) => format!("-n{count}"),
        Some(_) | None => word.clone(),
    });
    new.collect()
}

pub fn wc(call: &mut Call<'_>) -> Ended {
    let Some(options) = call.options(&["l", "w", "c", "m"]) else {
        return Ok(1);
    };
    let (contents, status) = call.read_all(&options.operands)?;
    let all = !["l", "w", "c", "m"].iter().any(|name| options.has(name));
    let count = |content: &[u8]| {
        let newlines = memchr::memchr_iter(b'\n', content).count();
        let words = content
            .split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty())
            .count();
        let characters = String::from_utf8_lossy(content).chars().count();
        [newlines, words, content.len(), characters]
    };
    let shown = [
        all || options.has("l"),
        all || options.has("w"),
        all || options.has("c"),
        options.has("m"),
    ];
    let alone = contents.len() == 1 && shown.iter().filter(|shown| **shown).count() == 1;
    let wide = if alone {
        1
    } else if contents.iter().any(|(name, _)| name == "-") {
        7
    } else {
        contents
            .iter()
            .map(|(_, content)| content.len())
            .sum::<usize>()
            .to_string()
            .len()
    };
    let mut total = [0; 4];
    let mut row = |counts: [usize; 4], name: &str| {
        let columns = counts.iter().zip(shown).filter(|(_, shown)| *shown);
        let columns: Vec<String> = columns.map(|(count, _)| format!("{count:>wide$}")).collect();
        let name = if name == "-" { String::new() } else { format!(" {name}") };
        call.line(format!("{}{name}", columns.join(" ")));
    };
    for (name, content) in &contents {
        let counts = count(content);
        for (sum, count) in total.iter_mut().zip(counts) {
            *sum += count;
        }
        row(counts, name);
    }
    if contents.len() > 1 {
        row(total, "total");
    }
    Ok(status)
}

pub fn sort(call: &mut Call<'_>) -> Ended {
    let Some(options) = call.options(&["r", "n", "u", "f", "h", "V", "k:", "t:"]) else {
        return Ok(2);
    };
    let (contents, status) = call.read_all(&options.operands)?;
    let mut all: Vec<Vec<u8>> = contents
        .iter()
        .flat_map(|(_, content)| lines(content))
        .map(<[u8]>::to_vec)
        .collect();
    let field = options
        .value(&["k"])
        .and_then(|key| key.split([',', 'n', 'r']).next()?.parse::<usize>().ok());
    let numeric = options.has("n") || options.value(&["k"]).is_some_and(|key| key.contains('n'));
    let separator = options.value(&["t"]).and_then(|text| text.bytes().next());
    let fold = options.has("f");
    let key = |line: &[u8]| -> Vec<u8> {
        let picked = match (field, separator) {
            (None, _) => line.to_vec(),
            (Some(field), Some(separator)) => line
                .split(|byte| *byte == separator)
                .nth(field.saturating_sub(1))
                .unwrap_or_default()
                .to_vec(),
            (Some(field), None) => {
                let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
                words.nth(field.saturating_sub(1)).unwrap_or_default().to_vec()
            }
        };
        if fold { picked.to_ascii_uppercase() } else { picked }
    };
    let compare = |a: &Vec<u8>, b: &Vec<u8>| {
        let (left, right) = (key(a), key(b));
        let order = if numeric {
            number(&left).total_cmp(&number(&right))
        } else {
            left.cmp(&right)
        };
        if options.has("r") { order.reverse() } else { order }
    };
    all.sort_by(|a, b| compare(a, b).then_with(|| if options.has("u") { Ordering::Equal } else { a.cmp(b) }));
    if options.has("u") {
        all.dedup_by(|a, b| compare(a, b) == Ordering::Equal);
    }
    for line in all {
        call.line(line);
    }
    Ok(status)
}

/// The number that a text begins with; zero if none.
fn number(text: &[u8]) -> f64 {
    let text = String::from_utf8_lossy(text);
    let digits: String = text
        .trim_start()
        .chars()
        .take_while(|c| matches!(c, '0'..='9' | '-' | '.'))
        .collect();
    digits.parse().unwrap_or(0.0)
}

pub fn uniq(call: &mut Call<'_>) -> Ended {
    let Some(options) = call.options(&["c", "d", "u", "i"]) else {
        return Ok(1);
    };
    let (contents, status) = call.read_all(options.operands.get(..1).unwrap_or_default())?;
    let mut runs: Vec<(usize, &[u8])> = Vec::new();
    for line in contents.iter().flat_map(|(_, content)| lines(content)) {
        let same = |last: &[u8]| {
            if options.has("i") {
                last.eq_ignore_ascii_case(line)
            } else {
                last == line
            }
        };
        match runs.last_mut() {
            Some((count, last)) if same(last) => *count += 1,
            Some(_) | None => runs.push((1, line)),
        }
    }
    for (count, line) in runs {
        if options.has("d") && count < 2 || options.has("u") && count > 1 {
            continue;
        }
        if options.has("c") {
            call.out(format!("{count:>7} "));
        }
        call.line(line);
    }
    Ok(status)
}

pub fn cut(call: &mut Call<'_>) -> Ended {
    let Some(options) = call.options(&["d:", "f:", "c:", "b:", "s", "delimiter:", "fields:"]) else {
        return Ok(1);
    };
    let fields = options.value(&["f", "fields"]);
    let Some(ranges) = fields.or_else(|| options.value(&["c", "b"])).and_then(ranges) else {
        call.complain("you must specify a list of bytes, characters, or fields");
        return Ok(1);
    };
    let wanted = |n: usize| ranges.iter().any(|(from, to)| (*from..=*to).contains(&n));
    let separator = options
        .value(&["d", "delimiter"])
        .and_then(|text| text.bytes().next())
        .unwrap_or(b'\t');
    let (contents, status) = call.read_all(&options.operands)?;
    for line in contents.iter().flat_map(|(_, content)| lines(content)) {
        if fields.is_none() {
            let kept = line.iter().enumerate().filter(|(n, _)| wanted(n + 1));
            call.line(kept.map(|(_, byte)| *byte).collect::<Vec<u8>>());
        } else if line.contains(&separator) {
            let kept = line
                .split(|byte| *byte == separator)
                .enumerate()
                .filter(|(n, _)| wanted(n + 1));
            call.line(kept.map(|(_, field)| field).collect::<Vec<_>>().join(&separator));
        } else if !options.has("s") {
            call.line(line);
        }
    }
    Ok(status)
}

/// `1,3-5,7-` as inclusive ranges.
fn ranges(list: &str) -> Option<Vec<(usize, usize)>> {
    let range = |text: &str| match text.split_once('-') {
        None => text.parse().ok().map(|n| (n, n)),
        Some(("", "")) => None,
        Some(("", to)) => Some((1, to.parse().ok()?)),
        Some((from, "")) => Some((from.parse().ok()?, usize::MAX)),
        Some((from, to)) => Some((from.parse().ok()?, to.parse().ok()?)),
    };
    list.split(',').map(range).collect()
}

pub fn tr(call: &mut Call<'_>) -> Ended {
    let Some(options) = call.options(&["d", "s", "c", "C"]) else {
        return Ok(1);
    };
    let mut sets = options.operands.iter().map(|set| characters(set));
    let Some(first) = sets.next() else {
        call.complain("missing operand");
        return Ok(1);
    };
    let second = sets.next().unwrap_or_default();
    let outside = options.has("c") || options.has("C");
    let input = String::from_utf8_lossy(&call.input()?).into_owned();
    let mut out = String::with_capacity(input.len());
    for c in input.chars() {
        let place = first.iter().position(|known| *known == c);
        let chosen = place.is_some() != outside;
        let new = match place {
            _ if !chosen => c,
            _ if options.has("d") => continue,
            Some(at) if !outside => second.get(at).or(second.last()).copied().unwrap_or(c),
            Some(_) | None => second.last().copied().unwrap_or(c),
        };
        let squeezed = options.has("s")
            && out.ends_with(new)
            && (if second.is_empty() {
                chosen
            } else {
                second.contains(&new)
            });
        if !squeezed {
            out.push(new);
        }
    }
    call.out(out);
    Ok(0)
}

/// The characters of a `tr` set: ranges, classes and escapes.
fn characters(set: &str) -> Vec<char> {
    let class = match set {
        "[:lower:]" => Some('a'..='z'),
        "[:upper:]" => Some('A'..='Z'),
        "[:digit:]" => Some('0'..='9'),
        _ => None,
    };
    if let Some(class) = class {
        return class.collect();
    }
    if matches!(set, "[:space:]" | "[:blank:]") {
        return vec![' ', '\t', '\n', '\r'];
    }
    let text: Vec<char> = unescaped(set).chars().collect();
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(c) = text.get(at) {
        match (text.get(at + 1), text.get(at + 2)) {
            (Some('-'), Some(end)) if end >= c => {
                // A range wider than Latin-1 is a typing error, not a set.
                found.extend((*c..=*end).take(256));
                at += 3;
            }
            _ => {
                found.push(*c);
                at += 1;
            }
        }
    }
    found
}

pub fn nl(call: &mut Call<'_>) -> Ended {
    let (contents, status) = call.read_all(call.words)?;
    let mut number = 0;
    for line in contents.iter().flat_map(|(_, content)| lines(content)) {
        if line.is_empty() {
            call.line("       ");
            continue;
        }
        number += 1;
        call.out(format!("{number:>6}\t"));
        call.line(line);
    }
    Ok(status)
}

pub fn reversed(call: &mut Call<'_>) -> Ended {
    let (contents, status) = call.read_all(call.words)?;
    let all: Vec<&[u8]> = contents.iter().flat_map(|(_, content)| lines(content)).collect();
    if call.name == "tac" {
        for line in all.into_iter().rev() {
            call.line(line);
        }
    } else {
        let turned = |line: &[u8]| String::from_utf8_lossy(line).chars().rev().collect::<String>();
        for line in all {
            call.line(turned(line));
        }
    }
    Ok(status)
}

pub fn seq(call: &mut Call<'_>) -> Ended {
    let numbers: Option<Vec<i64>> = call.words.iter().map(|word| word.parse().ok()).collect();
    let (from, step, to) = match numbers.as_deref() {
        Some([to]) => (1, 1, *to),
        Some([from, to]) => (*from, 1, *to),
        Some([from, step, to]) if *step != 0 => (*from, *step, *to),
        Some(_) | None => {
            call.complain("invalid floating point argument or missing operand");
            return Ok(1);
        }
    };
    // Longer output than this is a mistake here, and must not fill the memory.
    let mut number = from;
    for _ in 0..1_000_000 {
        if (step > 0 && number > to) || (step < 0 && number < to) {
            break;
        }
        call.line(number.to_string());
        let Some(next) = number.checked_add(step) else { break };
        number = next;
    }
    Ok(0)
}

pub fn echo(call: &mut Call<'_>) -> Ended {
    let mut words = call.words;
    let (mut newline, mut escapes) = (true, call.inside.is_some_and(|inside| inside.escapes));
    let plain = !escapes;
    while let Some((first, rest)) = words.split_first() {
        match first.as_str() {
            "-n" => newline = false,
            "-e" if plain => escapes = true,
            "-ne" | "-en" if plain => (newline, escapes) = (false, true),
            _ => break,
        }
        words = rest;
    }
    let text = words.join(" ");
    call.out(if escapes { unescaped(&text) } else { text });
    if newline {
        call.out("\n");
    }
    Ok(0)
}

/// Backslash escapes of `echo -e`, `printf` and `tr`.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('a') => out.push('\u{7}'),
            Some('b') => out.push('\u{8}'),
            Some('e') => out.push('\u{1b}'),
            Some('\\') | None => out.push('\\'),
            Some('c') => break,
            Some(digit @ '0'..='7') => {
                let mut value = digit.to_digit(8).unwrap_or(0);
                for _ in 0..if digit == '0' { 3 } else { 2 } {
                    let Some(next) = chars.peek().and_then(|c| c.to_digit(8)) else {
                        break;
                    };
                    value = value * 8 + next;
                    chars.next();
                }
                out.push(char::from_u32(value & 0xff).unwrap_or('\u{fffd}'));
            }
            Some(other) => out.extend(['\\', other]),
        }
    }
    out
}

pub fn printf(call: &mut Call<'_>) -> Ended {
    let Some((format, mut arguments)) = call.words.split_first() else {
        call.complain("missing operand");
        return Ok(2);
    };
    let (mut out, mut status) = (String::new(), 0);
    loop {
        let before = arguments.len();
        let wrong = format_once(format, &mut arguments, &mut out);
        for word in wrong {
            call.complain(format!("{word}: expected numeric value"));
            status = 1;
        }
        if arguments.is_empty() || arguments.len() == before {
            break;
        }
    }
    call.out(out);
    Ok(status)
}

/// Writes the format once, taking its arguments from the front; those that should be numbers and are not.
fn format_once(format: &str, arguments: &mut &[String], out: &mut String) -> Vec<String> {
    let unescaped = unescaped(format);
    let mut chars = unescaped.chars().peekable();
    let mut wrong = Vec::new();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut directive = String::new();
        while let Some(c) = chars.next_if(|c| matches!(c, '-' | '+' | ' ' | '0'..='9' | '.' | '#')) {
            directive.push(c);
        }
        let Some(conversion) = chars.next() else {
            out.push('%');
            break;
        };
        if conversion == '%' {
            out.push('%');
            continue;
        }
        let argument = match arguments.split_first() {
            Some((first, rest)) => {
                *arguments = rest;
                first.as_str()
            }
            None => "",
        };
        let number = || argument.trim().parse::<i64>();
        if matches!(conversion, 'd' | 'i' | 'u' | 'x' | 'o') && !argument.is_empty() && number().is_err() {
            wrong.push(argument.to_owned());
        }
        let text = match conversion {
            'd' | 'i' | 'u' => number().unwrap_or(0).to_string(),
            'x' => format!("{:x}", number().unwrap_or(0)),
            'X' => format!("{:X}", number().unwrap_or(0)),
            'o' => format!("{:o}", number().unwrap_or(0)),
            'c' => argument.chars().take(1).collect(),
            'b' => self::unescaped(argument),
            _ => argument.to_owned(),
        };
        out.push_str(&padded(&text, &directive, conversion));
    }
    wrong
}

/// Applies a directive's flags, width and precision, such as `-10.3` or `05`.
fn padded(text: &str, directive: &str, conversion: char) -> String {
    let left = directive.contains('-');
    let digits = directive.trim_start_matches(['-', '+', ' ', '#']);
    let zeros = digits.starts_with('0') && !left && conversion != 's';
    let (width, precision) = digits.split_once('.').unwrap_or((digits, ""));
    // A width beyond any screen is cut.
    let width = width.parse::<usize>().unwrap_or(0).min(4096);
    let text: String = match precision.parse::<usize>() {
        Ok(most) if conversion == 's' => text.chars().take(most).collect(),
        Ok(_) | Err(_) => text.to_owned(),
    };
    let gap = width.saturating_sub(text.chars().count());
    match (left, zeros) {
        (true, _) => text + &" ".repeat(gap),
        (false, true) => "0".repeat(gap) + &text,
        (false, false) => " ".repeat(gap) + &text,
    }
}

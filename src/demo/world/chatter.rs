//! What containers write: start-up lines, records by weight at a rate, records at an interval, last words.

use crate::demo::clock::SECOND;
use crate::demo::log::{RETAINED, Stream};
use crate::demo::scenario::Plan;
use crate::demo::scenario::shape::{Container, Output};
use crate::demo::scenario::template::{Rendered, Scene, Template};
use crate::demo::world::sim::{Place, Run, RunId, Sim, Step};

/// Between two lines of one record, in nanoseconds: what a write and the runtime's read of it take.
const NEXT_LINE: i64 = 18_000;

/// Plans what a run will write; gives when its start-up lines end, in nanoseconds from now.
pub fn start(sim: &mut Sim, id: RunId) -> i64 {
    let plan = sim.plan.clone();
    let Some(container) = container_of(sim, id, &plan) else {
        return 0;
    };
    let began = container
        .startup
        .as_ref()
        .map_or(0, |text| say(sim, id, text, container.stream));
    // Logs reach back as far as the scenario says, and not further than they are kept.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "an estimate, clamped"
    )]
    let kept = (RETAINED as f64 / container.rate.max(0.001) * SECOND as f64).min(1e18) as i64;
    let first = (sim.clock + began).max(sim.history);
    let writes = container
        .lines
        .iter()
        .any(|line| line.every.is_none() && line.weight > 0.0);
    if container.rate > 0.0 && (writes || container.numbered) {
        let first = first.max(sim.now - kept) + pause(sim, id, container.rate);
        sim.at(first, Step::Chat(id));
    }
    for (index, line) in container.lines.iter().enumerate() {
        let Some(every) = line.every else { continue };
        let every = every.nanos.max(1);
        let phase = sim.run(id).map_or(0, |run| run.rng.i64(0..every));
        sim.at(first + phase, Step::Periodic { run: id, line: index });
    }
    began
}

/// The last words before an exit; gives when they end, in nanoseconds from now.
pub fn last_words(sim: &mut Sim, id: RunId, delay: i64) -> i64 {
    let plan = sim.plan.clone();
    let Some(container) = container_of(sim, id, &plan) else {
        return delay;
    };
    let Some(text) = container.exit.as_ref().and_then(|exit| exit.text.as_ref()) else {
        return delay;
    };
    let Some(lines) = render(sim, id, text, sim.clock + delay) else {
        return delay;
    };
    let end = delay + lines.last().map_or(0, |line| line.after);
    write_later(sim, id, lines, container.stream, delay);
    end
}

/// Writes a record by weight, and plans the next.
pub fn chat(sim: &mut Sim, id: RunId) {
    let plan = sim.plan.clone();
    let Some(container) = container_of(sim, id, &plan) else {
        return;
    };
    if container.numbered {
        let nanos = sim.clock;
        if let Some(run) = sim.run(id) {
            run.write_numbered(nanos, &plan.cluster.name);
        }
        let next = pause(sim, id, container.rate);
        sim.after(next, Step::Chat(id));
        return;
    }
    let weights = container
        .lines
        .iter()
        .map(|line| if line.every.is_none() { line.weight } else { 0.0 });
    let total: f64 = weights.clone().sum();
    let mut left = sim.run(id).map_or(0.0, |run| run.rng.f64()) * total;
    let chosen = weights.enumerate().find(|(_, weight)| {
        left -= weight;
        left < 0.0
    });
    if let Some(line) = chosen.and_then(|(index, _)| container.lines.get(index)) {
        say(sim, id, &line.text, line.stream.unwrap_or(container.stream));
    }
    let next = pause(sim, id, container.rate);
    sim.after(next, Step::Chat(id));
}

/// Writes the record of one line, and plans its next.
pub fn periodic(sim: &mut Sim, id: RunId, index: usize) {
    let plan = sim.plan.clone();
    let Some(container) = container_of(sim, id, &plan) else {
        return;
    };
    let Some((line, every)) = container.lines.get(index).and_then(|line| Some((line, line.every?))) else {
        return;
    };
    say(sim, id, &line.text, line.stream.unwrap_or(container.stream));
    sim.after(every.nanos.max(1), Step::Periodic { run: id, line: index });
}

/// Writes one line that was planned.
pub fn write(sim: &mut Sim, id: RunId, stream: Stream, text: String) {
    let nanos = sim.clock;
    if let Some(run) = sim.run(id) {
        run.write(nanos, stream, text);
    }
}

fn container_of<'a>(sim: &mut Sim, id: RunId, plan: &'a Plan) -> Option<&'a Container> {
    sim.run(id)?.behaviour?.container(plan)
}

/// Exponentially distributed, as independent requests are; at least a microsecond.
fn pause(sim: &mut Sim, id: RunId, rate: f64) -> i64 {
    let uniform = sim.run(id).map_or(0.5, |run| run.rng.f64());
    let seconds = -(1.0 - uniform).ln() / rate.max(1e-6);
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "bounded just here"
    )]
    let nanos = (seconds * SECOND as f64).clamp(1000.0, 1e15) as i64;
    nanos
}

/// Writes the lines that are due, plans those that come later, and gives when the last one comes.
fn say(sim: &mut Sim, id: RunId, text: &Template, output: Output) -> i64 {
    let Some(lines) = render(sim, id, text, sim.clock) else {
        return 0;
    };
    let end = lines.last().map_or(0, |line| line.after);
    let (nanos, stream) = (sim.clock, Stream::from(output));
    let mut later = Vec::new();
    let mut offset = 0;
    for line in lines {
        if line.after > 0 {
            later.push(line);
        } else if let Some(run) = sim.run(id) {
            run.write(nanos + offset, stream, line.text);
            offset += NEXT_LINE;
        }
    }
    write_later(sim, id, later, output, 0);
    end
}

fn write_later(sim: &mut Sim, id: RunId, lines: Vec<Rendered>, output: Output, delay: i64) {
    let stderr = Stream::from(output) == Stream::Stderr;
    let mut offset = 0;
    for line in lines {
        let run = id;
        sim.after(
            delay + line.after + offset,
            Step::Write {
                run,
                stderr,
                text: line.text,
            },
        );
        offset += NEXT_LINE;
    }
}

fn render(sim: &mut Sim, id: RunId, text: &Template, nanos: i64) -> Option<Vec<Rendered>> {
    let plan = sim.plan.clone();
    let run = sim.run(id)?;
    run.seq += 1;
    let Run { place, rng, seq, .. } = run;
    Some(text.render(&scene(&plan, place, nanos, *seq), rng))
}

fn scene<'a>(plan: &'a Plan, place: &'a Place, nanos: i64, seq: u64) -> Scene<'a> {
    Scene {
        nanos,
        seq,
        cluster: &plan.cluster.name,
        namespace: &place.namespace,
        pod: &place.pod,
        pod_ip: &place.pod_ip,
        node: &place.node,
        container: &place.container,
        vars: &plan.cluster.vars,
        lists: &plan.lists,
    }
}

//! One whole frame.

use ratatui::buffer::Buffer;

use super::canvas::{Canvas, line};
use super::palette::{Focus, Palette};
use super::{bar, commands, contrast, exec, frame, help, logs, message, objects, status};
use crate::workspace::State;
use crate::workspace::layout::Rect;
use crate::workspace::scene::{Body, Overlay, PaneScene, Scene};

/// Paints the state as it was last settled and tells where the cursor is to be seen, if anywhere.
pub fn draw(state: &State, palette: &Palette, buffer: &mut Buffer) -> Option<(u16, u16)> {
    paint(state.scene(), palette, buffer)
}

/// Paints a scene and tells where the cursor is to be seen, if anywhere.
pub fn paint(scene: &Scene, palette: &Palette, buffer: &mut Buffer) -> Option<(u16, u16)> {
    let mut canvas = Canvas::new(buffer, *palette);
    let screen = Rect::new(0, 0, scene.size.cols, scene.size.rows);
    let mut canvas = canvas.within(screen);
    canvas.clear(screen);
    if scene.too_small {
        message::too_small(&mut canvas, screen, scene.size);
        return None;
    }
    bar::paint(&mut canvas, line(screen, 0), &scene.bar);
    if scene.bar_rows > 1 {
        bar::trouble(&mut canvas, line(screen, 1), &scene.trouble);
    }
    let typing = panes(&mut canvas, &scene.panes);
    status::paint(
        &mut canvas,
        line(screen, scene.size.rows.saturating_sub(1)),
        &scene.status,
    );
    let cursor = match &scene.overlay {
        None => typing,
        Some(Overlay::Help(scene)) => {
            help::paint(&mut canvas, screen, scene);
            None
        }
        Some(Overlay::Palette(scene)) => {
            let between = Rect::new(0, 1, screen.width, screen.height.saturating_sub(2));
            commands::paint(&mut canvas, between, scene)
        }
        Some(Overlay::Message(lines)) => {
            message::paint(&mut canvas, screen, lines);
            None
        }
    };
    cursor.filter(|(x, y)| canvas.area().contains(*x, *y))
}

fn panes(canvas: &mut Canvas<'_>, panes: &[PaneScene]) -> Option<(u16, u16)> {
    let mut cursor = None;
    for pane in panes {
        let place = PaneScene::body_rect(pane.rect);
        let at = body(&mut canvas.within(pane.rect), place, pane);
        frame::title(&mut canvas.within(pane.rect), pane);
        if pane.focused {
            cursor = at;
        }
    }
    for pane in panes {
        frame::rule(canvas, pane.rect);
    }
    cursor
}

fn body(canvas: &mut Canvas<'_>, place: Rect, pane: &PaneScene) -> Option<(u16, u16)> {
    let focus = Focus::from(pane.focused);
    match &pane.body {
        Body::Contrast(scene) => return contrast::paint(canvas, place, scene, focus),
        Body::Objects(scene) => objects::paint(canvas, place, scene, focus),
        Body::Logs(scene) => return logs::paint(canvas, place, scene, focus),
        Body::Exec(scene) => return exec::paint(canvas, place, scene),
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ratatui::buffer::Cell;
    use ratatui::style::{Color, Modifier};
    use unicode_width::UnicodeWidthStr as _;

    use super::*;
    use crate::model::{ClusterState, ContextId, Report, Time};
    use crate::view::{canvas, random, sample};
    use crate::workspace::keymap::Keymap;
    use crate::workspace::layout::Size;
    use crate::workspace::{Msg, OpenedContext, settle, update};

    fn frame(scene: &Scene, palette: Palette) -> Buffer {
        let area = ratatui::layout::Rect::new(0, 0, scene.size.cols, scene.size.rows);
        let mut buffer = Buffer::empty(area);
        paint(scene, &palette, &mut buffer);
        buffer
    }

    fn text(buffer: &Buffer) -> String {
        let rows = buffer.content.chunks(buffer.area.width.into());
        rows.map(|row| sample::shown(row).trim_end().to_owned() + "\n")
            .collect()
    }

    fn check(name: &str, scene: &Scene) {
        insta::assert_snapshot!(name, text(&frame(scene, Palette::default())));
    }

    #[test]
    fn a_night_at_every_size() {
        check("night_200x50", &sample::night(200, 50));
        check("night_120x40", &sample::night(120, 40));
        check("night_80x24", &sample::night(80, 24));
        check("night_40x10", &sample::night(40, 10));
        check("night_30x8", &sample::night(30, 8));
    }

    fn state(cols: u16, rows: u16) -> State {
        let now = Time::from_millis(1_000);
        let mut state = State::new(Keymap::default_keys(), Size { cols, rows }, now);
        let opened = ["dev", "staging", "prod"]
            .into_iter()
            .zip(0..)
            .map(|(name, n)| OpenedContext {
                id: ContextId(n),
                name: name.into(),
                namespace: "shop".into(),
                insecure: None,
                plugin: None,
            });
        drop(update(&mut state, Msg::ContextsOpened(opened.collect()), now));
        drop(settle(&mut state, now));
        state
    }

    #[test]
    fn the_first_frame_says_what_is_waited_for() {
        for (cols, rows) in [(120, 40), (80, 24), (40, 10)] {
            let mut buffer = Buffer::empty(ratatui::layout::Rect::new(0, 0, cols, rows));
            draw(&state(cols, rows), &Palette::default(), &mut buffer);
            let text = text(&buffer);
            let said = text
                .lines()
                .filter(|line| line.contains("connecting to dev, staging, prod"))
                .count();
            assert!(said > 0 && text.starts_with(" ○ dev"), "{text}");
        }
    }

    #[test]
    fn what_lies_over_the_panes() {
        let over = |overlay, cols, rows| Scene {
            overlay: Some(overlay),
            ..sample::night(cols, rows)
        };
        check("help_120x40", &over(sample::help(), 120, 40));
        check("help_40x10", &over(sample::help(), 40, 10));
        check("palette_80x24", &over(sample::palette(), 80, 24));
        let question = Overlay::Message(vec!["Quit Kontrast?".to_owned(), "y yes   n no".to_owned()]);
        check("message_80x24", &over(question, 80, 24));
    }

    const PRINTED: &str = "api-7d9c5b6f4-x2k8p:/app$ pip list\r\n\x1b[1mPackage\x1b[0m    Version\r\n\x1b[32mflask\x1b[0m      0.11\r\n\x1b[44m日本語\x1b[0m\r\n$ ";

    #[test]
    fn a_shell_is_painted_cell_by_cell_with_its_cursor() {
        let scene = sample::with_shell(sample::night(80, 24), PRINTED);
        check("shell_80x24", &scene);
        let mut buffer = frame(&scene, Palette::default());
        assert_eq!(paint(&scene, &Palette::default(), &mut buffer), Some((2, 7)));
        assert_eq!(buffer[(0, 4)].modifier, Modifier::BOLD);
        assert_eq!(buffer[(0, 5)].fg, Color::Indexed(2));
        assert_eq!((buffer[(0, 6)].bg, buffer[(0, 6)].symbol()), (Color::Indexed(4), "日"));
    }

    #[test]
    fn the_cursor_is_where_one_types() {
        let mut scene = sample::night(80, 24);
        let mut buffer = frame(&scene, Palette::default());
        assert_eq!(paint(&scene, &Palette::default(), &mut buffer), None);
        for pane in &mut scene.panes {
            pane.focused = matches!(pane.body, Body::Logs(_));
        }
        assert_eq!(paint(&scene, &Palette::default(), &mut buffer), Some((9, 22)));
        scene.overlay = Some(sample::palette());
        assert_eq!(paint(&scene, &Palette::default(), &mut buffer), Some((9, 2)));
    }

    fn colourless(cell: &Cell) -> bool {
        (cell.fg, cell.bg, cell.underline_color) == (Color::Reset, Color::Reset, Color::Reset)
    }

    #[test]
    fn without_colour_there_is_none_and_everything_can_still_be_told_apart() {
        let scene = sample::night(120, 40);
        let buffer = frame(&scene, Palette::plain());
        for overlay in [None, Some(sample::help()), Some(sample::palette())] {
            let scene = Scene {
                overlay,
                ..sample::with_shell(scene.clone(), PRINTED)
            };
            assert!(frame(&scene, Palette::plain()).content.iter().all(colourless));
        }
        assert!(buffer.content.iter().all(colourless));
        let look = |x: u16, y: u16| buffer[(x, y)].modifier;
        assert_eq!(buffer[(0, 4)].symbol(), "▌");
        assert!(look(30, 4).contains(Modifier::REVERSED), "the selection");
        assert!(!look(30, 5).contains(Modifier::REVERSED), "what is not selected");
        assert!(look(1, 4).contains(Modifier::BOLD), "an error's mark");
        assert_eq!((buffer[(0, 2)].symbol(), buffer[(0, 19)].symbol()), ("━", "─"), "focus");
        let (error, plain) = (look(20, 23), look(20, 27));
        assert_ne!(error, plain, "a record's level");
        let hits: Vec<&Cell> = buffer
            .content
            .iter()
            .skip(20 * 120)
            .filter(|cell| is_hit(cell))
            .collect();
        assert_eq!(
            sample::shown(&hits.into_iter().cloned().collect::<Vec<_>>()),
            "requests"
        );
    }

    /// The selected records are in a pane without the focus, so they are underlined; hits are reversed.
    fn is_hit(cell: &Cell) -> bool {
        cell.modifier.contains(Modifier::REVERSED | Modifier::UNDERLINED)
    }

    /// Every state of a cluster, with the words that are to be seen of it.
    fn states() -> Vec<(ClusterState, &'static [&'static str])> {
        let since = Time::from_millis(1_000);
        let next = Time::from_millis(6_000);
        let cause = || std::sync::Arc::<str>::from("refused");
        vec![
            (ClusterState::Connecting { since }, &["prod connecting"]),
            (ClusterState::Live { since }, &["● prod live"]),
            (
                ClusterState::Stale {
                    since,
                    cause: cause(),
                    next,
                },
                &["▲ prod stale 0s", "refused · next try in 5s"],
            ),
            (
                ClusterState::NeedsLogin { since, cause: cause() },
                &["✗ prod needs login 0s", "refused"],
            ),
            (
                ClusterState::Forbidden { since, cause: cause() },
                &["✗ prod forbidden 0s", "refused"],
            ),
            (
                ClusterState::Unreachable {
                    since,
                    cause: cause(),
                    next,
                },
                &["✗ prod unreachable 0s", "refused · next try in 5s"],
            ),
            (
                ClusterState::Broken { since, cause: cause() },
                &["✗ prod broken 0s", "refused"],
            ),
        ]
    }

    #[test]
    fn each_state_of_a_cluster_is_told_at_every_size_with_and_without_colour() {
        let now = Time::from_millis(1_000);
        for (cols, rows) in [(200, 50), (120, 40), (80, 24)] {
            for (told, words) in states() {
                let mut state = state(cols, rows);
                let report = Report::StateChanged {
                    context: ContextId(2),
                    state: told,
                };
                drop(update(&mut state, Msg::Reported(report), now));
                drop(settle(&mut state, now));
                let shown = [Palette::default(), Palette::plain()].map(|palette| text(&frame(state.scene(), palette)));
                assert_eq!(shown[0], shown[1], "no word rests on colour");
                for word in words {
                    assert!(shown[0].contains(word), "{word} at {cols}x{rows}:\n{}", shown[0]);
                }
            }
        }
    }

    #[test]
    fn what_is_stale_is_faded_and_nothing_else_of_it_changes() {
        let mut scene = sample::night(120, 40);
        let fresh = scene.clone();
        for pane in &mut scene.panes {
            if let Body::Logs(logs) = &mut pane.body {
                let columns = logs.columns.iter_mut();
                columns
                    .flat_map(|column| &mut column.rows)
                    .for_each(|row| row.stale = true);
            }
        }
        for palette in [Palette::default(), Palette::sixteen(), Palette::plain()] {
            let (before, after) = (frame(&fresh, palette), frame(&scene, palette));
            assert_eq!(text(&before), text(&after));
            let row = |buffer: &Buffer| buffer.content[24 * 120..24 * 120 + 35].to_vec();
            for (before, after) in row(&before).iter().zip(row(&after)) {
                let is_faded = after.modifier.contains(Modifier::DIM) || after.fg == Color::Indexed(245);
                assert!(is_faded || after.symbol() == "│", "{after:?}");
                assert_eq!(before.symbol(), after.symbol());
            }
            let rest = |buffer: &Buffer| buffer.content[..20 * 120].to_vec();
            assert_eq!(rest(&before), rest(&after), "other panes");
        }
    }

    #[test]
    fn clusters_keep_their_colours_everywhere() {
        let buffer = frame(&sample::night(120, 40), Palette::default());
        let of = |word: &str, y: u16| {
            let row: String = (0..120).map(|x| buffer[(x, y)].symbol()).collect();
            let (before, _) = row.split_once(word).expect(word);
            buffer[(canvas::cells(before), y)].fg
        };
        let prod = Palette::default()
            .cluster(crate::model::ContextId(2))
            .fg
            .expect("a colour");
        assert_eq!(
            [of("prod TLS OFF", 0), of("prod  pattern", 3), of("prod  live", 20)],
            [prod; 3]
        );
    }

    #[test]
    #[ignore = "prints frames for a person to look at, cell by cell"]
    fn look() {
        let over = |overlay| Scene {
            overlay: Some(overlay),
            ..sample::night(120, 40)
        };
        let scenes = [
            ("200x50", sample::night(200, 50)),
            ("120x40", sample::night(120, 40)),
            ("80x24", sample::night(80, 24)),
            ("40x10", sample::night(40, 10)),
            ("help", over(sample::help())),
            ("palette", over(sample::palette())),
            ("shell", sample::with_shell(sample::night(120, 40), PRINTED)),
        ];
        for (name, scene) in scenes {
            for (kind, palette) in [("many", Palette::default()), ("plain", Palette::plain())] {
                let buffer = frame(&scene, palette);
                println!("frame {name}-{kind} {} {}", scene.size.cols, scene.size.rows);
                for cell in &buffer.content {
                    println!(
                        "{:?}\t{:?}\t{}\t{}",
                        cell.fg,
                        cell.bg,
                        cell.modifier.bits(),
                        cell.symbol()
                    );
                }
            }
        }
    }

    /// A wide character is followed by an empty cell of its own.
    fn is_well_formed(buffer: &Buffer) -> bool {
        buffer.content.chunks(buffer.area.width.into()).all(|row| {
            (0..row.len())
                .all(|x| row[x].symbol().width() < 2 || row.get(x + 1).is_some_and(|next| next.symbol() == " "))
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

        #[test]
        fn any_scene_is_painted_inside_of_its_size_and_twice_the_same(scene in random::scene()) {
            let area = ratatui::layout::Rect::new(0, 0, scene.size.cols + 3, scene.size.rows + 3);
            let mut buffer = Buffer::filled(area, Cell::new("X"));
            let cursor = paint(&scene, &Palette::default(), &mut buffer);
            prop_assert!(is_well_formed(&buffer));
            for (n, cell) in (0u16..).zip(&buffer.content) {
                let (x, y) = (n % area.width, n / area.width);
                let inside = x < scene.size.cols && y < scene.size.rows;
                prop_assert!(inside || *cell == Cell::new("X"), "{x} {y}");
                prop_assert!(!cell.symbol().chars().any(char::is_control));
            }
            if let Some((x, y)) = cursor {
                prop_assert!(x < scene.size.cols && y < scene.size.rows);
            }
            let first = buffer.clone();
            prop_assert_eq!(paint(&scene, &Palette::default(), &mut buffer), cursor);
            prop_assert_eq!(&buffer, &first);
            prop_assert!(frame(&scene, Palette::plain()).content.iter().all(colourless));
        }

        #[test]
        fn a_scene_larger_than_the_screen_is_cut(scene in random::scene(), width in 1..40u16, height in 1..20u16) {
            let mut buffer = Buffer::empty(ratatui::layout::Rect::new(0, 0, width, height));
            let cursor = paint(&scene, &Palette::sixteen(), &mut buffer);
            prop_assert!(cursor.is_none_or(|(x, y)| x < width && y < height));
        }
    }
}

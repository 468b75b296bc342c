//! One whole frame.

use ratatui::buffer::Buffer;

use super::canvas::{Canvas, below, line};
use super::palette::{Focus, Palette};
use super::{bar, commands, contrast, exec, frame, help, logs, message, objects, status};
use crate::workspace::layout::Rect;
use crate::workspace::scene::{Body, Overlay, PaneScene, Scene};

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
    status::paint(&mut canvas, line(screen, scene.size.rows.saturating_sub(1)), &scene.status);
    let cursor = match &scene.overlay {
        None => typing,
        Some(Overlay::Help(scene)) => {
            help::paint(&mut canvas, screen, scene);
            None
        }
        Some(Overlay::Palette(scene)) => commands::paint(&mut canvas, below(screen, 1), scene),
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
        let at = body(&mut canvas.within(pane.rect), pane);
        frame::title(&mut canvas.within(pane.rect), pane);
        if pane.focused {
            cursor = at;
        }
    }
    for pane in panes {
        frame::rule(canvas, pane);
    }
    for pane in panes {
        frame::rule_end(canvas, pane);
    }
    cursor
}

fn body(canvas: &mut Canvas<'_>, pane: &PaneScene) -> Option<(u16, u16)> {
    let place = PaneScene::body_rect(pane.rect);
    let focus = Focus::from(pane.focused);
    match &pane.body {
        Body::Contrast(scene) => contrast::paint(canvas, place, scene, focus),
        Body::Objects(scene) => objects::paint(canvas, place, scene, focus),
        Body::Logs(scene) => return logs::paint(canvas, place, scene, focus),
        Body::Exec(scene) => return exec::paint(canvas, place, scene),
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::sample;

    fn frame(scene: &Scene, palette: Palette) -> Buffer {
        let area = ratatui::layout::Rect::new(0, 0, scene.size.cols, scene.size.rows);
        let mut buffer = Buffer::empty(area);
        paint(scene, &palette, &mut buffer);
        buffer
    }

    fn text(buffer: &Buffer) -> String {
        let rows = buffer.content.chunks(buffer.area.width.into());
        rows.map(|row| sample::shown(row).trim_end().to_owned() + "\n").collect()
    }

    #[test]
    #[ignore = "prints frames for a person to look at"]
    fn look() {
        for (cols, rows) in [(200, 50), (120, 40), (80, 24), (40, 10), (30, 8)] {
            println!("{}", text(&frame(&sample::night(cols, rows), Palette::default())));
        }
    }
}

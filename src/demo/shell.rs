//! A process in a container: bytes in, bytes out, an exit status. Not the protocol that carries them.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::demo::clock::Now;
use crate::demo::container::Container;

pub mod tree;
pub mod glob;
pub mod machine;
pub mod call;
pub mod syntax;
pub mod words;
pub mod parser;
pub mod arithmetic;
pub mod listing;
pub mod files;
pub mod text;
pub mod search;
pub mod system;
pub mod packages;
pub mod modules;
pub mod python;
pub mod programs;
pub mod console;
pub mod keys;
pub mod editor;
pub mod pager;
pub mod interpreter;
pub mod expand;
pub mod run;
pub mod builtins;
pub mod special;
pub mod session;

pub use call::Size;
pub use console::{Input, Output};

use console::{Attached, Terminal, interrupted};
use interpreter::{Shell, Streams};
use machine::Machine;

/// How long a process waits for the size of its terminal.
const STARTING: Duration = Duration::from_millis(500);

/// What is to be run, and with which of its streams.
pub struct Start {
    pub inside: Arc<Container>,
    /// Program and arguments, as the client gave them.
    pub argv: Vec<String>,
    pub tty: bool,
    pub stdin: bool,
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    Exited(i32),
    /// There is no such program; what the runtime says of it.
    NotFound(String),
}

/// Whether a command line is a shell that a person can talk to.
pub fn is_shell(argv: &[String]) -> bool {
    let name = argv.first().map(|word| tree::base(word));
    name.is_some_and(|name| programs::SHELLS.contains(&name))
        && argv
            .iter()
            .skip(1)
            .all(|word| matches!(word.as_str(), "-i" | "-l" | "-il"))
}

/// Runs a process to its end. Dropping the future kills it. It waits whenever `output` is full, and reads `input`
/// only as far ahead as its queue goes.
pub async fn run(start: Start, now: Now, input: mpsc::Receiver<Input>, output: mpsc::Sender<Output>) -> Ended {
    let attached = match (start.tty, start.stdin) {
        (true, true) => Attached::Terminal,
        (true, false) => Attached::Screen,
        (false, true) => Attached::Stdin,
        (false, false) => Attached::Nothing,
    };
    let mut machine = Machine::new(Arc::clone(&start.inside), now);
    if start.tty && machine.variable("TERM").is_none() {
        machine.export("TERM", "xterm");
    }
    let name = start.argv.first().map_or("", String::as_str);
    if programs::kind(&machine, name).is_none() {
        return Ended::NotFound(not_found(name));
    }
    for name in programs::names(&machine) {
        if let Some(place) = programs::place(&machine, &name) {
            machine.tree.provide(&place, "");
        }
    }
    if machine.inside.shell {
        machine.tree.provide("/bin/sh", "");
    }
    let (console, arrivals) = console::open(attached, input, output);
    let terminal = console.terminal.clone();
    let mut shell = Shell::new(machine, console);
    tokio::select! {
        status = async {
            sized(terminal.as_ref()).await;
            shell.program(&start.argv, Streams::CONSOLE).await
        } => Ended::Exited(status),
        () = interrupted(terminal.clone(), 0) => Ended::Exited(130),
        () = arrivals.run() => Ended::Exited(137),
    }
}

/// Waits for the client's first word on the terminal's size, but not long: a client sends it while a real runtime still
/// starts the process, so that programs find it there.
async fn sized(terminal: Option<&Arc<Terminal>>) {
    let Some(terminal) = terminal else { return };
    let mut sizes = terminal.sizes();
    while terminal.size() == Size::default() {
        match tokio::time::timeout(STARTING, sizes.changed()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return,
        }
    }
}

/// The words of runc.
fn not_found(name: &str) -> String {
    if name.contains('/') {
        return format!("exec: \"{name}\": stat {name}: no such file or directory");
    }
    format!("exec: \"{name}\": executable file not found in $PATH")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    use super::*;

    const NOW: i64 = 1_795_361_426_000_000_000;

    fn container() -> Container {
        let pairs = |pairs: &[(&str, &str)]| {
            pairs
                .iter()
                .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
                .collect::<BTreeMap<_, _>>()
        };
        let files = [
            ("/app/app.py", "import os\nfrom projects import fetch\n\nprint('up')\n"),
            (
                "/app/projects.py",
                "\"\"\"Projects.\"\"\"\nimport json\nimport requests\n\ndef fetch():\n    pass\n",
            ),
            ("/app/requirements.txt", "flask==3.0.3\nrequests==2.32.3\n"),
            ("/app/conf/api.ini", "[api]\nport = 8080\n"),
            ("/app/start.sh", "#!/bin/sh\necho start $1\n"),
            (
                "/etc/os-release",
                "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\n",
            ),
            ("/usr/local/lib/python3.12/site-packages/flask/__init__.py", ""),
            ("/var/log/", ""),
        ];
        Container {
            hostname: "api-7d9f8b6c5-x2k4p".to_owned(),
            image: "registry.example/api:1.4.2".to_owned(),
            user: String::new(),
            workdir: "/app".to_owned(),
            env: pairs(&[
                ("PYTHON_VERSION", "3.12.7"),
                ("API_SERVICE_HOST", "10.96.4.20"),
                ("NODE_VERSION", "20.11.1"),
            ]),
            files: files
                .iter()
                .map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()))
                .collect(),
            packages: pairs(&[("Flask", "3.0.3"), ("pip", "24.2"), ("PyYAML", "6.0.2")]),
            os_packages: pairs(&[("bash", "5.2.15-2+b7"), ("libc6", "2.36-9+deb12u8")]),
            shell: true,
            command: vec!["gunicorn".to_owned(), "app:app".to_owned()],
            started: NOW / 1_000_000_000 - 3_723,
        }
    }

    async fn ran_in(inside: Container, argv: &[&str], stdin: Option<&str>) -> (String, String, Ended) {
        let (to, input) = mpsc::channel(8);
        let (output, mut from) = mpsc::channel(8);
        let argv = argv.iter().map(|word| (*word).to_owned()).collect();
        let start = Start {
            inside: Arc::new(inside),
            argv,
            tty: false,
            stdin: stdin.is_some(),
        };
        if let Some(text) = stdin {
            to.send(Input::Bytes(text.as_bytes().to_vec())).await.unwrap();
            to.send(Input::End).await.unwrap();
        }
        let collect = async {
            let (mut out, mut err) = (Vec::new(), Vec::new());
            while let Some(piece) = from.recv().await {
                match piece {
                    Output::Stdout(bytes) => out.extend(bytes),
                    Output::Stderr(bytes) => err.extend(bytes),
                }
            }
            (out, err)
        };
        let run = tokio::time::timeout(Duration::from_hours(1), run(start, Arc::new(|| NOW), input, output));
        let (ended, (out, err)) = tokio::join!(run, collect);
        drop(to);
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        (text(out), text(err), ended.expect("an end within the hour"))
    }

    async fn check(script: &str, out: &str, err: &str, status: i32) {
        let ran = ran_in(container(), &["sh", "-c", script], None).await;
        assert_eq!(ran, (out.to_owned(), err.to_owned(), Ended::Exited(status)), "{script}");
    }

    async fn prints(script: &str, out: &str) {
        check(script, out, "", 0).await;
    }

    #[tokio::test]
    async fn words_are_quoted_and_expanded() {
        prints("echo 'a  b' \"c  $((1+2*3))\" d\\ e", "a  b c  7 d e\n").await;
        prints("x='a  b'; echo $x \"$x\"", "a b a  b\n").await;
        prints("echo ${nope:-other} ${HOME} $? $$ ${#HOME}", "other /root 0 7 5\n").await;
        prints(
            "f=/a/b.tar.gz; echo ${f##*/} ${f%.*} ${f%%.*} ${f#/}",
            "b.tar.gz /a/b.tar /a/b a/b.tar.gz\n",
        )
        .await;
        prints("echo $(echo a; echo b) `echo c` \"$(printf 'd\\n\\n')\"", "a b c d\n").await;
        prints(
            "for f in *.py conf/*; do echo $f; done; echo *.nope '*'",
            "app.py\nprojects.py\nconf/api.ini\n*.nope *\n",
        )
        .await;
        prints(
            "set -- a 'b c'; for x in \"$@\"; do echo \"<$x>\"; done; echo $# $2",
            "<a>\n<b c>\n2 b c\n",
        )
        .await;
        prints("A=1 printenv A; echo ${A-unset}; : ${B:=2}; echo $B", "1\nunset\n2\n").await;
        prints("cat <<E; cat <<'F'\n$HOME\nE\n$HOME\nF", "/root\n$HOME\n").await;
        prints("x=5; echo $((x+=2)) $x; IFS=,; set -- a b; echo \"$*\"", "7 7\na,b\n").await;
        prints(
            "echo 'a\\tb'; /bin/echo 'a\\tb'; echo -e x; expr 6 \\* 7",
            "a\tb\na\\tb\n-e x\n42\n",
        )
        .await;
        check("echo ${x:?is needed}; echo no", "", "sh: 1: x: is needed\n", 2).await;
        check(
            "echo $((1/0))",
            "",
            "sh: 1: arithmetic expression: division by zero: \"1/0\"\n",
            2,
        )
        .await;
    }

    #[tokio::test]
    async fn commands_are_joined() {
        prints(
            "true && echo a || echo b; false || echo c; ! false && echo d",
            "a\nc\nd\n",
        )
        .await;
        prints(
            "if [ -f app.py ] && [ ! -d app.py ]; then echo y; elif true; then echo n; fi",
            "y\n",
        )
        .await;
        prints(
            "i=0; while [ $i -lt 3 ]; do i=$((i+1)); [ $i = 2 ] && continue; echo $i; done",
            "1\n3\n",
        )
        .await;
        prints(
            "for i in 1 2 3; do for j in a b; do [ $i = 2 ] && break 2; echo $i$j; done; done",
            "1a\n1b\n",
        )
        .await;
        prints("case abc in x|a*) echo hit;; *) echo no;; esac", "hit\n").await;
        prints("f() { echo \"$1\"; return 3; }; f x; echo $?", "x\n3\n").await;
        prints("(cd /; x=1; pwd); pwd; echo ${x-unset}", "/\n/app\nunset\n").await;
        prints(
            "printf 'b\\na\\nb\\n' | sort | uniq -c | sort -rn",
            "      2 b\n      1 a\n",
        )
        .await;
        prints(
            "printf '1 2\\n3 4\\n' | while read a b; do echo $b-$a; done",
            "2-1\n4-3\n",
        )
        .await;
        check("exit 300", "", "", 44).await;
        check("false | true; false; exit", "", "", 1).await;
        check("set -e; false || true; echo a; false; echo b", "a\n", "", 1).await;
    }

    #[tokio::test]
    async fn output_is_redirected() {
        prints(
            "echo x > /tmp/f; echo y >> /tmp/f; cat < /tmp/f; rm /tmp/f; ls /tmp",
            "x\ny\n",
        )
        .await;
        check(
            "ls /nope 2>/dev/null; echo $?; ls /nope 2>&1 | wc -l; echo e >&2",
            "2\n1\n",
            "e\n",
            0,
        )
        .await;
        check(
            "echo x > /no/f; echo $?",
            "2\n",
            "sh: 1: cannot create /no/f: Directory nonexistent\n",
            0,
        )
        .await;
        check("cat < /no", "", "sh: 1: cannot open /no: No such file\n", 2).await;
        prints(
            "{ echo a; echo b; } > f; while read l; do echo \"[$l]\"; done < f",
            "[a]\n[b]\n",
        )
        .await;
        check(
            "exec 2>&1; nope; exec > /tmp/o; echo hidden; nope",
            "sh: 1: nope: not found\nsh: 1: nope: not found\n",
            "",
            127,
        )
        .await;
        check("exec > /tmp/o; echo a | cat; cat /tmp/o >&2", "", "a\n", 0).await;
        prints("printf 'a\\nb\\n' > f; exec < f; read x; read y; echo $y$x", "ba\n").await;
        prints("echo a | tee /tmp/t | tr a b; cat /tmp/t", "b\na\n").await;
    }

    #[tokio::test]
    async fn what_is_unknown_is_said_so() {
        check("foo", "", "sh: 1: foo: not found\n", 127).await;
        check("true\n\n/bin/foo", "", "sh: 3: /bin/foo: not found\n", 127).await;
        check("/app", "", "sh: 1: /app: Permission denied\n", 126).await;
        check("echo 'a", "", "sh: 1: Syntax error: Unterminated quoted string\n", 2).await;
        check("fi", "", "sh: 1: Syntax error: \"fi\" unexpected\n", 2).await;
        check("f() { f; }; f", "", "sh: 1: too many levels of recursion\n", 2).await;
        for deep in [
            "f() { eval f; }; f",
            "f() { { { { f; }; }; }; }; f",
            "f() { if true; then (true | f); fi; }; f",
            "f() { echo $(f); }; f",
            "echo 'sh /tmp/s' > /tmp/s; sh /tmp/s",
            "f() { command eval 'env sh -c true; f'; }; f",
        ] {
            let (_, err, ended) = ran_in(container(), &["sh", "-c", deep], None).await;
            assert!(err.contains("too many levels of recursion"), "{deep}: {err} {ended:?}");
        }
        let ran = ran_in(container(), &["bash", "-c", "foo"], None).await;
        assert_eq!(ran.1, "bash: line 1: foo: command not found\n");
        prints(
            "command -v ls python3; command -v nope; type cd",
            "/usr/bin/ls\n/usr/local/bin/python3\ncd is a shell builtin\n",
        )
        .await;
        check("which nope", "", "", 1).await;
    }

    #[tokio::test]
    async fn files_are_listed_and_changed() {
        prints("ls", "app.py\nconf\nprojects.py\nrequirements.txt\nstart.sh\n").await;
        prints("ls -a conf", ".\n..\napi.ini\n").await;
        prints(
            "ls -l conf",
            "total 4\n-rw-r--r-- 1 root root 18 Nov 22 14:28 api.ini\n",
        )
        .await;
        prints("ls -R /var", "/var:\nlog\n\n/var/log:\n").await;
        check(
            "ls /nope",
            "",
            "ls: cannot access '/nope': No such file or directory\n",
            2,
        )
        .await;
        prints(
            "mkdir -p /a/b; touch /a/b/c; find /a -type f; rm -r /a; ls -d /a 2>/dev/null || echo gone",
            "/a/b/c\ngone\n",
        )
        .await;
        prints(
            "find . -name '*.ini' -o -name x 2>/dev/null || find . -name '*.ini'",
            "./conf/api.ini\n",
        )
        .await;
        prints("cp app.py b.py; mv b.py c.py; cat c.py | head -n 1", "import os\n").await;
        check("cat /nope", "", "cat: /nope: No such file or directory\n", 1).await;
        check("cat conf", "", "cat: conf: Is a directory\n", 1).await;
        prints(
            "basename /a/b.py .py; dirname /a/b; realpath ../etc; stat -c %s app.py",
            "b\n/a\n/etc\n50\n",
        )
        .await;
        prints("echo ok > /dev/null; cat /etc/hostname", "api-7d9f8b6c5-x2k4p\n").await;
    }

    #[tokio::test]
    async fn text_is_cut_and_searched() {
        prints(
            "grep -n import *.py | cut -d: -f1,2",
            "app.py:1\napp.py:2\nprojects.py:2\nprojects.py:3\n",
        )
        .await;
        prints(
            "grep -rc port conf; grep -v '^#' start.sh; grep -io PORT conf/api.ini",
            "conf/api.ini:1\necho start $1\nport\n",
        )
        .await;
        check("grep nope app.py", "", "", 1).await;
        check("grep x /nope", "", "grep: /nope: No such file or directory\n", 2).await;
        prints(
            "sed 's/import \\(.*\\)/<\\1>/;2q' app.py",
            "<os>\nfrom projects <fetch>\n",
        )
        .await;
        prints(
            "sed -n '2,3p' app.py | sed -E 's/(o)+/[&]/g'",
            "fr[o]m pr[o]jects imp[o]rt fetch\n\n",
        )
        .await;
        prints(
            "seq 5 | head -2; seq 5 | tail -n 2; seq 3 | tac; echo abc | rev",
            "1\n2\n4\n5\n3\n2\n1\ncba\n",
        )
        .await;
        prints(
            "printf 'a b\\nc\\n' | wc; wc -l app.py",
            "      2       3       6\n4 app.py\n",
        )
        .await;
        prints(
            "echo 'a:b:c' | cut -d: -f2-; echo hello | tr a-y b-z; echo aab | tr -d a",
            "b:c\nifmmp\nb\n",
        )
        .await;
        prints("printf '%-4s|%03d|%s\\n' ab 7 c d 8 e", "ab  |007|c\nd   |008|e\n").await;
        prints("echo aGVsbG8= | base64 -d; printf hi | base64", "helloaGk=\n").await;
        prints(
            "echo a b c | xargs -n 2 echo x; find . -name '*.ini' | xargs -I{} echo '<{}>'",
            "x a b\nx c\n<./conf/api.ini>\n",
        )
        .await;
    }

    #[tokio::test]
    async fn the_system_is_told_about() {
        prints(
            "id; whoami; hostname; uname",
            "uid=0(root) gid=0(root) groups=0(root)\nroot\napi-7d9f8b6c5-x2k4p\nLinux\n",
        )
        .await;
        prints(
            "date; date -u +%Y-%m-%dT%H:%M:%SZ",
            "Sun Nov 22 15:30:26 UTC 2026\n2026-11-22T15:30:26Z\n",
        )
        .await;
        prints(
            "uptime",
            " 15:30:26 up  1:02,  0 users,  load average: 0.00, 0.00, 0.00\n",
        )
        .await;
        prints(
            "ps aux | grep -c gunicorn; ps -ef | head -1",
            "1\nUID          PID    PPID  C STIME TTY          TIME CMD\n",
        )
        .await;
        prints(
            "env | grep ^PYTHON; env -i A=1 env; tr '\\0' ' ' < /proc/1/cmdline",
            "PYTHON_VERSION=3.12.7\nA=1\ngunicorn app:app ",
        )
        .await;
        prints("getent hosts api.shop.svc", "10.96.4.20      api.shop.svc\n").await;
        check("getent hosts nope", "", "", 2).await;
        check("tty", "not a tty\n", "", 1).await;
        check(
            "stty size",
            "",
            "stty: 'standard input': Inappropriate ioctl for device\n",
            1,
        )
        .await;
        prints("node -v", "v20.11.1\n").await;
        check("ruby -v", "", "sh: 1: ruby: not found\n", 127).await;
    }

    #[tokio::test]
    async fn a_missing_python_package_shows() {
        check(
            "python -c 'import requests'",
            "",
            "Traceback (most recent call last):\n  File \"<string>\", line 1, in <module>\nModuleNotFoundError: No module named 'requests'\n",
            1,
        )
        .await;
        check(
            "python3 app.py",
            "",
            "Traceback (most recent call last):\n  File \"/app/app.py\", line 2, in <module>\n    from projects import fetch\n  File \"/app/projects.py\", line 3, in <module>\n    import requests\nModuleNotFoundError: No module named 'requests'\n",
            1,
        )
        .await;
        prints("python -c 'import flask, yaml, json; print(\"ok\", 1)'", "ok 1\n").await;
        prints(
            "python -V; python -c 'import sys; print(sys.version)'",
            "Python 3.12.7\n3.12.7 (main) [GCC 12.2.0]\n",
        )
        .await;
        prints("python -c 'from importlib import metadata\nimport os, importlib; print(importlib.metadata.version(\"Flask\")); print(os.environ[\"HOME\"])'", "3.0.3\n/root\n").await;
        check("python -c 'import os.nope.x' 2>&1 | tail -1", "", "", 0).await;
        check(
            "python -c 'x = 1'",
            "",
            "python: an embedded cluster's Python knows imports and print only, not: x = 1\n",
            2,
        )
        .await;
        prints("echo 'print(\"in\")' | python -", "in\n").await;
        check(
            "python /nope.py",
            "",
            "python: can't open file '/nope.py': [Errno 2] No such file or directory\n",
            2,
        )
        .await;
    }

    #[tokio::test]
    async fn packages_are_listed() {
        prints(
            "pip list",
            "Package Version\n------- -------\nFlask   3.0.3\npip     24.2\nPyYAML  6.0.2\n",
        )
        .await;
        prints("python -m pip freeze", "Flask==3.0.3\nPyYAML==6.0.2\n").await;
        check("pip show requests", "", "WARNING: Package(s) not found: requests\n", 1).await;
        prints(
            "pip show flask | head -2; dpkg -l | tail -1",
            "Name: Flask\nVersion: 3.0.3\nii  libc6 2.36-9+deb12u8 amd64\n",
        )
        .await;
        check("apk info", "", "sh: 1: apk: not found\n", 127).await;
        let mut alpine = container();
        alpine.os_packages = BTreeMap::from([("apk-tools".to_owned(), "2.14.4-r0".to_owned())]);
        alpine.files.remove("/etc/os-release");
        let ran = ran_in(alpine, &["sh", "-c", "apk info -v; nope"], None).await;
        assert_eq!(
            ran,
            (
                "apk-tools-2.14.4-r0\n".to_owned(),
                "sh: nope: not found\n".to_owned(),
                Ended::Exited(127)
            )
        );
    }

    #[tokio::test]
    async fn programs_run_without_a_shell() {
        let mut bare = container();
        bare.shell = false;
        for argv in [&["sh"][..], &["ls"], &["cat", "/etc/hostname"]] {
            let ran = ran_in(bare.clone(), argv, None).await;
            assert_eq!(
                ran.2,
                Ended::NotFound(format!("exec: \"{}\": executable file not found in $PATH", argv[0]))
            );
        }
        let ran = ran_in(bare, &["python", "-V"], None).await;
        assert_eq!(ran, ("Python 3.12.7\n".to_owned(), String::new(), Ended::Exited(0)));
        let ran = ran_in(container(), &["/bin/nope"], None).await;
        assert_eq!(
            ran.2,
            Ended::NotFound("exec: \"/bin/nope\": stat /bin/nope: no such file or directory".to_owned())
        );
        let ran = ran_in(container(), &["cd", "/"], None).await;
        assert!(matches!(ran.2, Ended::NotFound(_)), "a builtin is no program");
        let ran = ran_in(container(), &["/bin/ls", "conf"], None).await;
        assert_eq!(ran.0, "api.ini\n");
    }

    #[tokio::test]
    async fn input_is_read() {
        let ran = ran_in(container(), &["cat"], Some("a\nb")).await;
        assert_eq!(ran, ("a\nb".to_owned(), String::new(), Ended::Exited(0)));
        let ran = ran_in(
            container(),
            &["sh"],
            Some("x=1\nif true; then\necho $x\nfi\ncat <<E\nin\nE\nread y\nline\necho got $y; exit 4\necho no\n"),
        )
        .await;
        assert_eq!(ran, ("1\nin\ngot line\n".to_owned(), String::new(), Ended::Exited(4)));
        let ran = ran_in(container(), &["sh"], Some("echo a\nif true; then\n")).await;
        assert_eq!(
            ran.1,
            "sh: 3: Syntax error: end of file unexpected (expecting \"fi\")\n"
        );
        let ran = ran_in(container(), &["sh", "start.sh", "me"], None).await;
        assert_eq!(ran.0, "start me\n");
        let ran = ran_in(container(), &["wc", "-c"], None).await;
        assert_eq!(ran.0, "0\n", "no standard input is an empty one");
    }

    #[tokio::test(start_paused = true)]
    async fn time_passes_in_sleep() {
        let before = tokio::time::Instant::now();
        prints("sleep 2; sleep 0.5m; timeout 1 sleep 100; echo $?", "124\n").await;
        assert_eq!(before.elapsed().as_secs(), 33);
        check("sleep x", "", "sleep: invalid time interval 'x'\n", 1).await;
    }

    #[tokio::test]
    async fn much_output_flows_through_a_small_queue() {
        let ran = ran_in(container(), &["sh", "-c", "seq 200000 | tail -n 199999"], None).await;
        assert_eq!(ran.0.lines().count(), 199_999);
        assert_eq!(ran.0.lines().next_back(), Some("200000"));
    }

    /// A terminal session: bytes sent one after the other, each after the output shows what is waited for.
    struct Session {
        to: mpsc::Sender<Input>,
        from: mpsc::Receiver<Output>,
        tasks: tokio::task::JoinSet<Ended>,
        seen: String,
    }

    impl Session {
        async fn start(argv: &[&str], inside: Container) -> Self {
            let (to, input) = mpsc::channel(64);
            let (output, from) = mpsc::channel(64);
            let argv = argv.iter().map(|word| (*word).to_owned()).collect();
            let start = Start {
                inside: Arc::new(inside),
                argv,
                tty: true,
                stdin: true,
            };
            let mut tasks = tokio::task::JoinSet::new();
            tasks.spawn(run(start, Arc::new(|| NOW), input, output));
            let session = Self {
                to,
                from,
                tasks,
                seen: String::new(),
            };
            session.resize(80, 24).await;
            session
        }

        async fn resize(&self, columns: u16, rows: u16) {
            self.to.send(Input::Resized(Size { columns, rows })).await.unwrap();
        }

        async fn send(&self, bytes: &str) {
            self.to.send(Input::Bytes(bytes.as_bytes().to_vec())).await.unwrap();
        }

        /// Everything shown since the last call, once it ends so.
        async fn until(&mut self, end: &str) -> String {
            while !self.seen.ends_with(end) {
                let next = tokio::time::timeout(Duration::from_mins(1), self.from.recv()).await;
                match next.unwrap_or_else(|_| panic!("waited for {end:?} in {:?}", self.seen)) {
                    Some(Output::Stdout(bytes) | Output::Stderr(bytes)) => {
                        self.seen.push_str(&String::from_utf8_lossy(&bytes));
                    }
                    None => panic!("ended with {:?}", self.seen),
                }
            }
            std::mem::take(&mut self.seen)
        }

        async fn ended(mut self) -> (String, Ended) {
            while let Some(Output::Stdout(bytes) | Output::Stderr(bytes)) = self.from.recv().await {
                self.seen.push_str(&String::from_utf8_lossy(&bytes));
            }
            (self.seen, self.tasks.join_next().await.unwrap().unwrap())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_prompt_answers_as_a_real_one() {
        let mut session = Session::start(&["sh"], container()).await;
        assert_eq!(session.until("# ").await, "# ");
        session.send("stty size; tty\n").await;
        assert_eq!(session.until("# ").await, "stty size; tty\r\n24 80\r\n/dev/pts/0\r\n# ");
        session.resize(132, 50).await;
        session.send("stty size\n").await;
        assert_eq!(session.until("# ").await, "stty size\r\n50 132\r\n# ");
        session.send("foo; ls /nope; echo $TERM\r").await;
        assert_eq!(
            session.until("xterm\r\n# ").await,
            "foo; ls /nope; echo $TERM\r\nsh: 3: foo: not found\r\nls: cannot access '/nope': No such file or directory\r\nxterm\r\n# "
        );
        session.send("if true\n").await;
        assert_eq!(session.until("> ").await, "if true\r\n> ");
        session.send("then echo é; fi\n").await;
        assert_eq!(session.until("# ").await, "then echo é; fi\r\né\r\n# ");
        session.send("exit 7\n").await;
        assert_eq!(session.ended().await, ("exit 7\r\n".to_owned(), Ended::Exited(7)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_program_finds_the_size_that_comes_at_once() {
        let mut session = Session::start(&["stty", "size"], container()).await;
        assert_eq!(session.until("\r\n").await, "24 80\r\n");
        let (_to, input) = mpsc::channel(1);
        let (output, mut from) = mpsc::channel(8);
        let argv = vec!["stty".to_owned(), "size".to_owned()];
        let start = Start {
            inside: Arc::new(container()),
            argv,
            tty: true,
            stdin: true,
        };
        assert_eq!(run(start, Arc::new(|| NOW), input, output).await, Ended::Exited(0));
        assert_eq!(
            from.recv().await,
            Some(Output::Stdout(b"0 0\r\n".to_vec())),
            "without a size it starts all the same"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn interrupts_reach_what_runs() {
        let mut session = Session::start(&["sh"], container()).await;
        session.until("# ").await;
        session.send("sleep 100000; echo no\n").await;
        session.until("no\r\n").await;
        tokio::task::yield_now().await;
        session.send("\x03").await;
        assert_eq!(session.until("# ").await, "^C\r\n# ");
        session.send("echo $?\n").await;
        assert_eq!(session.until("# ").await, "echo $?\r\n130\r\n# ");
        session.send("while true; do :; done\n").await;
        session.until("done\r\n").await;
        session.send("\x03").await;
        session.until("# ").await;
        // Typed ahead in one piece: the interrupt is for the sleep.
        session.send("sleep 100000\n\x03echo on\n").await;
        assert!(session.until("on\r\n# ").await.contains("echo on\r\n"));
        session.send("half a line\x03").await;
        assert_eq!(session.until("# ").await, "half a line^C\r\n# ");
        session.send("sh\n").await;
        session.until("# ").await;
        session.send("sleep 100000\n").await;
        session.until("100000\r\n").await;
        tokio::task::yield_now().await;
        session.send("\x03").await;
        session.until("# ").await;
        session.send("\x04").await;
        session.until("# ").await;
        session.send("\x04").await;
        assert_eq!(session.ended().await.1, Ended::Exited(130));
    }

    #[tokio::test(start_paused = true)]
    async fn a_program_reads_edited_lines() {
        let mut session = Session::start(&["sh"], container()).await;
        session.until("# ").await;
        session.send("cat > /tmp/x\n").await;
        session.until("x\r\n").await;
        session.send("helo\x7flo\nbye\n").await;
        assert_eq!(session.until("bye\r\n").await, "helo\x08 \x08lo\r\nbye\r\n");
        session.send("\x04").await;
        session.until("# ").await;
        session.send("cat /tmp/x\n").await;
        assert_eq!(session.until("# ").await, "cat /tmp/x\r\nhello\r\nbye\r\n# ");
        session.send("cat con\t").await;
        session.send("\t\n").await;
        assert_eq!(
            session.until("# ").await,
            "cat conf/api.ini \r\n[api]\r\nport = 8080\r\n# "
        );
        session.to.send(Input::End).await.unwrap();
        assert_eq!(session.ended().await.1, Ended::Exited(0));
    }

    #[tokio::test(start_paused = true)]
    async fn full_screen_programs_take_the_screen_and_give_it_back() {
        let mut session = Session::start(&["sh"], container()).await;
        session.until("# ").await;
        session.send("seq 100 | less\n").await;
        let shown = session.until("\x1b[K").await;
        assert!(shown.contains("\x1b[?1049h"), "{shown:?}");
        session.resize(80, 5).await;
        session.until("4\x1b[K\r\n\x1b[7m(standard input)\x1b[0m\x1b[K").await;
        session.send(" ").await;
        let shown = session.until(":\x1b[K").await;
        assert!(
            shown.ends_with("\x1b[H5\x1b[K\r\n6\x1b[K\r\n7\x1b[K\r\n8\x1b[K\r\n:\x1b[K"),
            "{shown:?}"
        );
        session.send("q").await;
        assert!(session.until("# ").await.contains("\x1b[?1049l"));
        session.send("top\n").await;
        session.until("\x1b[J").await;
        session.until("\x1b[J").await;
        session.send("q").await;
        assert!(session.until("# ").await.contains("\x1b[?1049l"));
        session.send("ls --color=always -d conf\n").await;
        assert!(session.until("# ").await.contains("\x1b[1;34mconf\x1b[0m"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_large_paste_arrives_whole() {
        let mut session = Session::start(&["sh"], container()).await;
        session.until("# ").await;
        session.send("stty -echo; cat > /tmp/p\n").await;
        session.until("/tmp/p\r\n").await;
        let line = "0123456789".repeat(10);
        for _ in 0..200 {
            session.send(&format!("{line}\n").repeat(10)).await;
            session.until(&format!("{line}\r\n")).await;
        }
        session.send("\x04wc -l /tmp/p\n").await;
        assert!(session.until("/tmp/p\r\n# ").await.ends_with("2000 /tmp/p\r\n# "));
    }

    #[tokio::test(start_paused = true)]
    async fn users_and_prompts_differ() {
        let mut inside = container();
        inside.user = "1001".to_owned();
        let mut session = Session::start(&["sh"], inside.clone()).await;
        assert_eq!(session.until("$ ").await, "$ ");
        session.send("PS1='\\u@\\h:\\w\\$ '\n").await;
        assert_eq!(
            session.until("/app$ ").await,
            "PS1='\\u@\\h:\\w\\$ '\r\n1001@api-7d9f8b6c5-x2k4p:/app$ "
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_bytes_make_a_terminal_panic_or_hang(bytes in prop::collection::vec(any::<u8>(), 0..120), columns in 0_u16..50) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            runtime.block_on(async {
                let (to, input) = mpsc::channel(64);
                let (output, mut from) = mpsc::channel(64);
                let start = Start { inside: Arc::new(container()), argv: vec!["sh".to_owned()], tty: true, stdin: true };
                to.send(Input::Resized(Size { columns, rows: 5 })).await.unwrap();
                to.send(Input::Bytes(bytes)).await.unwrap();
                to.send(Input::End).await.unwrap();
                let drain = async { while from.recv().await.is_some() {} };
                let run = tokio::time::timeout(Duration::from_secs(1_000_000), run(start, Arc::new(|| NOW), input, output));
                let (ended, ()) = tokio::join!(run, drain);
                assert!(ended.is_ok());
            });
        }

        #[test]
        fn no_script_panics_or_hangs(script in "([a-z.]{1,4}|[$(){}<>|&;'\"`\\\\ \n#*~!0-9=:-]|for|do|done|if|then|fi|ls|cat|sed|grep|cut|tr|printf|test|-n|-c){0,20}") {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            runtime.block_on(async { drop(ran_in(container(), &["sh", "-c", &script], None).await) });
        }
    }
}

/*
 * A process whose parent ends becomes a child of init, and its origin is lost. But if one of its ancestors is a *subreaper*
 * (prctl(2) of Linux), it becomes a child of that one. So a small program, the warden, starts each command and does
 * nothing else. Everything that the command starts, in any session and with any environment, stays below the warden, which
 * exits when no child is left.
 *
 * Node cannot call prctl. perl can, which is part of every Debian and Ubuntu and of most installations of git; python3
 * can too.
 *
 * The warden reads NUL-terminated strings from the descriptor that its argument names: how many follow; the number of the
 * system call; whether the command is continued when it is stopped; how many descriptors from 3 on only the command gets;
 * how many environment settings follow; these; the command with its arguments. It writes to the same descriptor, a line each:
 *
 *   p PID       the command was started
 *   x ERRNO     it could not be started
 *   e STATUS    it has ended; the status is that of waitpid(2)
 */

const PERL = `
open(C, "+<&=", $ARGV[0]) or exit 70;
$0 = "clusterrunner-warden";
sub word { local $/ = "\\0"; my $w = <C>; exit 71 unless defined $w; chomp $w; $w }
my @w = map { word() } 1 .. word();
my ($call, $continues, $own, $settings) = splice(@w, 0, 4);
my @s = splice(@w, 0, $settings);
exit 72 if syscall($call, 36, 1, 0, 0, 0) != 0;
my @signals = qw(HUP INT QUIT TERM PIPE USR1 USR2 ALRM);
$SIG{$_} = "IGNORE" for @signals;
my $p = fork;
if (defined $p && $p == 0) {
  setpgrp(0, 0);
  $SIG{$_} = "DEFAULT" for @signals;
  delete $ENV{PERL_BADLANG};
  for (@s) { my ($n, $v) = split(/=/, $_, 2); $ENV{$n} = $v }
  { no warnings; exec { $w[0] } @w; }
  syswrite(C, "x " . ($! + 0) . "\\n");
  exit 127;
}
if (!defined $p) { syswrite(C, "x " . ($! + 0) . "\\n"); exit 127 }
syswrite(C, "p $p\\n");
chdir "/";
for (0 .. 2 + $own) { open(my $f, "<&=", $_) and close $f }
close STDIN; close STDOUT; close STDERR;
while (1) {
  my $w = waitpid(-1, $continues ? 2 : 0);
  if ($w == -1) { last if $! == 10; next }
  next if $w != $p;
  my $status = $?;
  # For a stopped process the status is 0 too, but it still exists.
  if ($continues && $status == 0 && kill(0, $p)) { kill "CONT", $p; next }
  syswrite(C, "e $status\\n");
}
exit 0;
`;

const PYTHON = `
import ctypes, os, signal, sys
c = int(sys.argv[1])
f = os.fdopen(os.dup(c), "rb", 0)
os.set_inheritable(c, False)
def word():
    w = b""
    while True:
        b = f.read(1)
        if not b: os._exit(71)
        if b == b"\\0": return w
        w += b
w = [word() for _ in range(int(word()))]
continues, own, settings = w[1] == b"1", int(w[2]), int(w[3])
s, w = w[4:4 + settings], w[4 + settings:]
if ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) != 0: os._exit(72)
signals = [signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGPIPE, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM]
def say(text):
    try: os.write(c, text)
    except OSError: pass
for n in signals: signal.signal(n, signal.SIG_IGN)
try: p = os.fork()
except OSError as e:
    say(b"x %d\\n" % e.errno); os._exit(127)
if p == 0:
    os.setpgid(0, 0)
    for n in signals: signal.signal(n, signal.SIG_DFL)
    env = dict(os.environb)
    env.pop(b"PERL_BADLANG", None)
    for one in s:
        n, _, v = one.partition(b"=")
        env[n] = v
    for n in range(3, 3 + own): os.set_inheritable(n, True)
    try: os.execvpe(w[0], w, env)
    except OSError as e: say(b"x %d\\n" % e.errno)
    os._exit(127)
say(b"p %d\\n" % p)
os.chdir("/")
for n in range(0, 3 + own):
    try: os.close(n)
    except OSError: pass
while True:
    try: q, status = os.waitpid(-1, os.WUNTRACED if continues else 0)
    except ChildProcessError: break
    except InterruptedError: continue
    if os.WIFSTOPPED(status):
        if q == p: os.kill(p, signal.SIGCONT)
        continue
    if q == p: say(b"e %d\\n" % status)
os._exit(0)
`;

export type WardenLanguage = 'perl' | 'python3';

/** The arguments that make the interpreter a warden, which reads its command from `descriptor`. */
export function wardenArguments(language: WardenLanguage, descriptor: number): readonly string[] {
  // -I: python3 ignores the environment, which is that of the command.
  return language === 'perl'
    ? ['-e', PERL, String(descriptor)]
    : ['-I', '-S', '-c', PYTHON, String(descriptor)];
}

/** The numbers of the system call prctl, which perl needs. */
const PRCTL: Readonly<Partial<Record<NodeJS.Architecture, number>>> = {
  arm: 172,
  arm64: 167,
  ia32: 172,
  loong64: 167,
  ppc64: 171,
  riscv64: 167,
  s390x: 172,
  x64: 157,
};

/** null when it is unknown: perl cannot be used then. */
export function prctlNumber(architecture: NodeJS.Architecture): number | null {
  return PRCTL[architecture] ?? null;
}

export interface WardenCommand {
  readonly file: string;
  readonly args: readonly string[];
  /** See wardenEnvironment. */
  readonly settings: readonly string[];
  /** Whether the command is continued when a signal stops it. */
  readonly isContinued: boolean;
  /** How many descriptors from 3 on the command gets. */
  readonly descriptors: number;
}

/** The input of a warden. */
export function wardenCommand(command: WardenCommand): string {
  const { file, args, settings, isContinued, descriptors } = command;
  const words = [
    prctlNumber(process.arch) ?? 0,
    isContinued ? 1 : 0,
    descriptors,
    settings.length,
    ...settings,
    file,
    ...args,
  ];
  return [words.length, ...words].map((word) => `${word}\0`).join('');
}

/** Variables that change how perl runs are kept from the warden, and passed to the command as settings. */
export function wardenEnvironment(env: Readonly<Record<string, string>>): {
  env: Record<string, string>;
  settings: string[];
} {
  const isForPerl = (name: string) => name.startsWith('PERL');
  const entries = Object.entries(env);
  return {
    // Keeps perl from printing that it does not know the locale, which is the command's.
    env: { ...Object.fromEntries(entries.filter(([name]) => !isForPerl(name))), PERL_BADLANG: '0' },
    settings: entries.filter(([name]) => isForPerl(name)).map(([name, value]) => `${name}=${value}`),
  };
}

export type WardenMessage =
  | { readonly kind: 'started'; readonly pid: number }
  | { readonly kind: 'failed'; readonly errno: number }
  | { readonly kind: 'ended'; readonly exitCode: number };

/** Parses a line from a warden. @throws Error for anything else */
export function parseWardenMessage(line: string): WardenMessage {
  const [, kind, digits] = /^([pxe]) (\d+)$/.exec(line) ?? [];
  const number = Number(digits);
  switch (kind) {
    case 'p':
      return { kind: 'started', pid: number };
    case 'x':
      return { kind: 'failed', errno: number };
    case 'e':
      return { kind: 'ended', exitCode: (number & 0x7f) === 0 ? number >> 8 : 128 + (number & 0x7f) };
    default:
      throw new Error(`A warden sent an unknown message: "${line.slice(0, 80)}".`);
  }
}

import { Command, Option } from 'commander';
import { version } from '../lib/version.js';
import { requireSqlite } from '../master/store/engine/require-sqlite.js';
import { exitOnBrokenPipe } from './broken-pipe.js';
import { joinRemoteFilePairs } from './remote-file-pairs.js';
import { type ReportedError, reportError } from './text/report-error.js';
import { optionsLike } from './text/suggestions.js';

/*
 * Subcommands are imported when they are called, so that `--help` does not wait for a web server and a database to load.
 */

/** Runs the command line and sets the process's exit code, without ending the process. */
export async function main(argv: readonly string[]): Promise<void> {
  // Init scripts look for this name; by default it is that of the runtime.
  process.title = 'clusterrunner';
  exitOnBrokenPipe(argv[2]);
  try {
    await program().parseAsync(joinRemoteFilePairs(argv));
  } catch (error) {
    const reported = reportError(error);
    process.exitCode = reported.exitCode;
    await printJsonError(argv, reported);
  }
}

/** Prints the JSON of `build --json` even for an invalid command line, since programs read nothing else. */
async function printJsonError(argv: readonly string[], reported: ReportedError): Promise<void> {
  if (argv[2] === 'build' && argv.includes('--json') && reported.message !== null) {
    const { emptyOutcome, outcomeOf } = await import('./build/outcome.js');
    const { printJson } = await import('./client-command.js');
    printJson(
      outcomeOf(emptyOutcome(), { exitCode: reported.exitCode, error: reported.message, seconds: 0 }),
    );
  }
}

function program(): Command {
  const root = new Command('clusterrunner')
    .description('Runs the tests of a project on a cluster of machines.')
    .version(version, '-V, --version')
    .exitOverride()
    .configureHelp({ showGlobalOptions: false })
    .showSuggestionAfterError();

  common(root.command('master'))
    .description('Take build requests and hand their tests to slaves.')
    .option('-p, --port <port>', 'port to listen on; 0 takes a free one (default: 43000)')
    .option('--eventlog-file <file>', 'where to write events, one JSON object a line; STDOUT prints them')
    .action(async (options) => {
      requireSqlite();
      await (await import('./commands/master.js')).master(options);
    });

  common(root.command('slave'))
    .description('Run tests for a master on this machine.')
    .option('-m, --master-url <url>', 'the master (default: http://localhost:43000)')
    .option('-e, --num-executors <n>', 'subjobs to run at once (default: one for each core)')
    .option('-p, --port <port>', 'port of its read-only status API; 0 takes a free one (default: 43001)')
    .option('--eventlog-file <file>', 'where to write events, one JSON object a line; STDOUT prints them')
    .option('--finish-on-stop', 'on SIGTERM or Ctrl-C finish what runs first; on the second hand it back')
    .action(async (options) => (await import('./commands/slave.js')).slave(options));

  common(root.command('build'))
    .description('Run a job, wait for it, fetch its results.')
    .argument(
      '[type]',
      'git, directory or snapshot (default: git with --url; else a snapshot of this checkout, or directory if the master is on this machine)',
    )
    .option('-m, --master-url <url>', 'the master; without one, and none running here, a cluster of its own')
    .option('-j, --job-name <job>', 'job of clusterrunner.yaml; may be left out when there is only one')
    .option('-f, --remote-file <name url>', 'file to download into the workspace (may be repeated)', collect)
    .option('--url <url>', 'git repository')
    .option('--branch <ref>', "git ref (default: the remote's HEAD)")
    .option('--hash <commit>', 'git commit to reset hard to')
    .option('--remote <name>', 'name of the git remote (default: origin)')
    .option('--project-directory <dir>', 'folder that holds clusterrunner.yaml')
    .option(
      '--priority <n>',
      'from -5 to 5; each step doubles its share of executors beside other builds (default: 0)',
    )
    .option('--order <order>', 'which atoms run first: longest or likely_failures (default: as the job says)')
    .option(
      '--speculative',
      'start again on another slave what takes far too long (default: as the job says)',
    )
    .option('--no-cache', 'run every atom, although the job caches atoms')
    .option('--no-speculative', 'run nothing on two slaves at once, not even when one does not respond')
    .option(
      '--since <commit>',
      'branch, tag or commit: atomizers and the order of atoms get what changed since then',
    )
    .option('--affected', 'run only the atoms that the files changed since --since affect')
    .option('--config <json>', 'definition of the job, in place of clusterrunner.yaml')
    .option('--atoms-override <json>', 'list of atoms to run, in place of what the atomizers list')
    .option('--rerun-failed <build>', 'run the atoms again that failed or were lost in that build, as it was')
    .option('--output <dir>', 'folder that is replaced by the results (default: build_results)')
    .option('--open', 'open the page of the build in a browser')
    .option('--json', 'print one JSON object on stdout at the end, and what people read on stderr')
    .option('--junit <file>', 'where to put a copy of the junit.xml of the results')
    .action(async (type: string | undefined, options) => {
      process.exitCode = await (await import('./build/command.js')).build(type, options);
    });

  reader(root.command('list'))
    .description('Show the newest builds.')
    .option('--limit <n>', 'how many (default: 20)')
    .action(async (options) => (await import('./commands/list.js')).listBuilds(options));

  reader(root.command('status'))
    .description('Show what runs, where, and what a build waits for.')
    .argument('[build]', 'number of a build (default: the slaves and all builds that run)')
    .action(async (build: string | undefined, options) =>
      (await import('./commands/status.js')).status(build, options),
    );

  reader(root.command('console'))
    .description('Show what an atom printed, also while it runs.')
    .argument('<build>', 'number of the build')
    .argument('[atom]', 'number of the atom (default: every atom that failed)')
    .option('--follow', 'go on until the atom has ended')
    .option('--search <text>', 'show only lines with this text, with their numbers; exit code 1 without any')
    .option('--regex', 'the text to search is a regular expression (RE2)')
    .option('--case', 'upper and lower case differ in a search')
    .action(async (build: string, atom: string | undefined, options) => {
      process.exitCode = await (await import('./commands/console.js')).console(build, atom, options);
    });

  reader(root.command('history'))
    .description('Show the jobs, or the builds of one and their trend.')
    .argument('[job]', 'name or number of a job (default: all jobs)')
    .option('--limit <n>', 'how many rows (default: 20)')
    .action(async (job: string | undefined, options) =>
      (await import('./commands/history.js')).history(job, options),
    );

  reader(root.command('flaky'))
    .description('Show the tests of a job that fail although their code is good.')
    .argument('[job]', 'name or number of a job; may be left out when there is only one')
    .option('--limit <n>', 'how many (default: 20)')
    .action(async (job: string | undefined, options) =>
      (await import('./commands/flaky.js')).flaky(job, options),
    );

  reader(root.command('slowest'))
    .description('Show the tests of a job that take longest.')
    .argument('[job]', 'name or number of a job; may be left out when there is only one')
    .option('--limit <n>', 'how many (default: 20)')
    .action(async (job: string | undefined, options) =>
      (await import('./commands/slowest.js')).slowest(job, options),
    );

  reader(root.command('cancel'))
    .description('Cancel a build.')
    .argument('<build>', 'number of the build')
    .action(async (build: string, options) => (await import('./commands/cancel.js')).cancel(build, options));

  reader(root.command('results'))
    .description('Fetch the results of a build that has ended.')
    .argument('<build>', 'number of the build')
    .option('--output <dir>', 'folder that is replaced by them (default: build_results)')
    .action(async (build: string, options) => {
      process.exitCode = await (await import('./commands/results.js')).results(build, options);
    });

  common(root.command('ui'))
    .description('Show the builds that masters of this machine have left, in a browser.')
    .argument('[store]', '`master`, or `cluster-1` and so on for builds without a master (default: all)')
    .option('-p, --port <port>', 'port to listen on, on this machine alone (default: a free one)')
    .option('--open', 'open it in the browser')
    .option('--json', 'print JSON for programs')
    .action(async (store: string | undefined, options) => {
      requireSqlite();
      await (await import('./commands/ui.js')).ui(store, options);
    });

  common(root.command('token'))
    .description('Make a token with which one may read, and nothing else, at a master with this secret.')
    .option('--control', 'a token that also permits canceling and rerunning builds, and draining slaves')
    .option(
      '--expires-in <time>',
      'how long it is good, like 8h or 90d, at most 366d (default: 30d, with --control 7d)',
    )
    .option('--json', 'print JSON for programs')
    .action(async (options) => (await import('./commands/token.js')).token(options));

  reader(root.command('shutdown'))
    .description('Let slaves finish what they run, take no more, and exit.')
    .argument('[slaves...]', 'numbers or names of slaves')
    .option('-a, --all', 'all slaves')
    .addOption(new Option('--all-slaves', 'all slaves').hideHelp())
    .option('-s, --slave-id <slave>', 'a slave, by number or name (may be repeated)', collect)
    .action(async (slaves: string[], options) =>
      (await import('./commands/shutdown.js')).shutdown(slaves, options),
    );

  common(root.command('stop'))
    .description('Stop the master and the slaves that run on this machine.')
    .action(async (options) => (await import('./commands/stop.js')).stop(options));

  return root;
}

function common(command: Command): Command {
  return command
    .configureOutput({ outputError: (text, write) => write(withSuggestions(text, command)) })
    .exitOverride()
    .option('-v, --verbose', 'say more')
    .option('-q, --quiet', 'say only what went wrong')
    .option('-c, --config-file <file>', 'clusterrunner.conf to use')
    .helpOption('-h, --help', 'show this help');
}

function reader(command: Command): Command {
  return common(command)
    .option('-m, --master-url <url>', 'the master (default: the one that runs on this machine)')
    .option('--json', 'print JSON for programs');
}

/** Adds similar options to the parser's message, which suggests only for typing errors. */
function withSuggestions(text: string, command: Command): string {
  const [, message, given, parsers] =
    /^(error: unknown option '(--[\w-]+)'\n)(\(Did you mean .*\)\n)?$/.exec(text) ?? [];
  if (message === undefined || given === undefined) {
    return text;
  }
  const known = command.options.flatMap(({ long, hidden }) => (long === undefined || hidden ? [] : [long]));
  const similar = optionsLike(given, known);
  const begun = similar.filter((option) => option.startsWith(given));
  const meant = begun.length > 0 ? begun : similar;
  const keepsParsers = parsers !== undefined && begun.length === 0;
  return meant.length === 0 || keepsParsers ? text : `${message}(Did you mean ${meant.join(' or ')}?)\n`;
}

function collect(value: string, previous: string[] = []): string[] {
  return [...previous, value];
}

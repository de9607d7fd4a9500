import type { PathAliases } from '../lib/text/path-aliases.js';
import { classNameOf } from './class-name.js';
import type { CaseSink } from './report-reader.js';
import { timeText } from './time-text.js';
import { xmlTag, xmlText } from './xml-text.js';

/**
 * Writes the test cases of a report as XML, unchanged except for path aliases, times in the common notation, and class
 * names that keep the names of suites; see classNameOf.
 */
export function caseCopy(write: (xml: string) => void, isOnlySuite: boolean, paths: PathAliases): CaseSink {
  const texts = paths.textStream();
  return {
    open: (name, original, around) => {
      write(xmlText(texts.end()));
      const given = aliased(original, paths);
      const suites = around.names.map((suite) => paths.inText(suite));
      const { time } = given;
      const timed = time === undefined ? given : { ...given, time: timeText(time) };
      const classname = classNameOf(given.classname, given.name, suites, isOnlySuite);
      const first = given.classname === undefined ? { classname } : {};
      const attributes = name === 'testcase' ? { ...first, ...timed, classname } : timed;
      write(`${xmlTag(name, attributes)}>`);
    },
    text: (text) => write(xmlText(texts.push(text))),
    close: (name) => {
      write(xmlText(texts.end()));
      write(`</${name.replaceAll(':', '_')}>${name === 'testcase' ? '\n' : ''}`);
    },
  };
}

function aliased(attributes: Readonly<Record<string, string>>, paths: PathAliases): Record<string, string> {
  return Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, paths.inText(value)]));
}

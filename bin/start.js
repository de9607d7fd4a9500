'use strict';

// Apart from the launcher, since old versions of Node cannot read `import(`.
var isDone = false;

// A promise that nothing can settle any more lets the process end with 0, which must not look like success.
process.once('beforeExit', function () {
  if (!isDone) {
    process.stderr.write('clusterrunner: the command stopped before its end; please report this.\n');
    process.exitCode = 2;
  }
});

import('../dist/bundle/main.js')
  .then(
    function (program) {
      return program.main(process.argv).then(function () {
        isDone = true;
      });
    },
    function (error) {
      // The program itself could not be read: it is not whole, or there are no files left to open.
      isDone = true;
      process.stderr.write(
        'clusterrunner: the program could not be loaded (' + error.message +
        '); install it again, or raise the limit of open files (ulimit -n).\n'
      );
      process.exitCode = 2;
    }
  );

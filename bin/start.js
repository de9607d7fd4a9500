'use strict';

// In a file of its own, since old versions of Node cannot parse `import(`.
var isDone = false;

// The process exits with 0 when only promises that nothing can settle are left. That must not look like success.
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
      // The program could not be loaded: it is incomplete, or the process may open no more files.
      isDone = true;
      process.stderr.write(
        'clusterrunner: the program could not be loaded (' + error.message +
        '); install it again, or raise the limit of open files (ulimit -n).\n'
      );
      process.exitCode = 2;
    }
  );

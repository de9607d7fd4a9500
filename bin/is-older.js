'use strict';

/** Whether version `a` (`20.18.1`) is before version `b`; a prerelease counts as its release. */
module.exports = function isOlder(a, b) {
  var as = a.split('.');
  var bs = b.split('.');
  for (var i = 0; i < bs.length; i += 1) {
    var difference = parseInt(as[i], 10) - parseInt(bs[i], 10);
    if (difference !== 0) {
      return difference < 0;
    }
  }
  return false;
};

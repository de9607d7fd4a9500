import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';

const PATIENCE_MS = 300;

/**
 * Sends bytes and the end of the stream, and returns what arrives until the connection ends. It also returns when the
 * connection is silent for a moment, since a master rightly waits for an incomplete request. `ca`: through TLS, with the
 * certificate of this authority. Without `reads` nothing is read, and the connection ends after that moment.
 */
export function sendBytes(
  port: number,
  bytes: Buffer,
  ca: string | null = null,
  reads = true,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = ca === null ? connect(port, '127.0.0.1') : connectTls({ port, host: '127.0.0.1', ca });
    const received: Buffer[] = [];
    const done = () => {
      socket.destroy();
      resolve(Buffer.concat(received).toString('latin1'));
    };
    socket.setTimeout(PATIENCE_MS, done);
    socket.on('data', (chunk) => received.push(chunk));
    if (!reads) {
      socket.pause();
    }
    socket.once('close', done);
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') {
        reject(error);
      } else {
        // A sender of unreadable bytes is disconnected.
        done();
      }
    });
    socket.once(ca === null ? 'connect' : 'secureConnect', () => socket.end(bytes));
  });
}

import type { RequestListener } from 'node:http';
import type { Socket } from 'node:net';

/** No known client pipelines requests. */
const MOST_WAITING = 10;

/**
 * Handles the requests of a connection one after another. Node starts pipelined requests (RFC 9112, section 9.3.2) while
 * the first is in progress, and emits nothing on them when the connection breaks. Files that they hold would stay open
 * indefinitely.
 */
export function serializePipelined(listener: RequestListener): RequestListener {
  const waiting = new WeakMap<Socket, (() => void)[]>();
  return (request, response) => {
    const { socket } = request;
    const begin = () => {
      response.once('close', goOn);
      listener(request, response);
    };
    const goOn = () => {
      const next = socket.destroyed ? undefined : waiting.get(socket)?.shift();
      if (next === undefined) {
        waiting.delete(socket);
      } else {
        next();
      }
    };
    const others = waiting.get(socket);
    if (others === undefined) {
      waiting.set(socket, []);
      begin();
    } else if (others.length < MOST_WAITING) {
      others.push(begin);
    } else {
      // The responses before it are not sent yet, so there is no place for one that gives the reason.
      socket.destroy();
    }
  };
}

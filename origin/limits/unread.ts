/**
 * Answers that their clients do not read. Node keeps what the connection does not take, and a client that reads nothing costs its sender
 * nothing: a user whose tool answers with two megabytes could fill the process with thirty calls. Whoever leaves too much unread loses
 * the oldest of it.
 */
import { addFor } from "./by-user.ts";

/** An answer on its way, as a response of Node is one. */
export interface Answer {
  /** What the connection has not taken yet. Unit: bytes. */
  readonly writableLength: number;
  destroy(): void;
}

/** The answers of one process. */
export interface Unread {
  /** @returns forgets the answer; may be called more than once */
  begin(userId: string, answer: Answer): () => void;
  /** Cuts what is too much. Called when an answer was written. @returns how many were cut */
  weigh(): number;
}

/** Of one user: thirty calls of a turn that answer with half a megabyte each. Unit: bytes. */
const USER_BYTES = 16 * 1024 * 1024;
/** Of all; beyond it the users with the most unread lose it first. Unit: bytes. */
const TOTAL_BYTES = 64 * 1024 * 1024;

/** Builds the record. */
export function createUnread({ perUser = USER_BYTES, total = TOTAL_BYTES } = {}): Unread {
  const users = new Map<string, Set<Answer>>();

  /** Cuts the oldest answers of one user until no more than `most` bytes are left. */
  function cut(answers: Set<Answer>, unread: number, most: number): number {
    let [left, count] = [unread, 0];
    for (const answer of answers) {
      if (left <= most) break;
      const { writableLength } = answer;
      if (writableLength === 0) continue;
      left -= writableLength;
      count++;
      answers.delete(answer);
      answer.destroy();
    }
    return count;
  }

  return {
    begin: (userId, answer) => addFor(users, userId, answer),
    weigh() {
      const held = Array.from(users.values(), (answers) => {
        let unread = 0;
        for (const { writableLength } of answers) unread += writableLength;
        return { answers, unread };
      });
      const sum = held.reduce((all, { unread }) => all + Math.min(unread, perUser), 0);
      if (sum <= total) return held.reduce((count, { answers, unread }) => count + cut(answers, unread, perUser), 0);
      // Everybody may keep as much as fits when all who have more keep the same.
      let [room, share] = [total, 0];
      const sorted = held.toSorted((a, b) => a.unread - b.unread);
      for (const [at, { unread }] of sorted.entries()) {
        share = room / (sorted.length - at);
        if (unread > share) break;
        room -= unread;
      }
      return held.reduce((count, { answers, unread }) => count + cut(answers, unread, Math.min(perUser, share)), 0);
    },
  };
}

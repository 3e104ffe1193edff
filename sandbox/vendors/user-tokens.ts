/**
 * Tokens that a provider gives to an app for one of its users: short-lived access tokens and refresh tokens that rotate. What a
 * provider says about them is in its own folder; they live in memory and end with the sandbox.
 */
import { randomBytes } from "node:crypto";

/** One pair, as a token endpoint gives it out. */
export interface TokenPair {
  readonly accessToken: string;
  readonly refreshToken: string;
  /** Unit: seconds. */
  readonly expiresIn: number;
}

/** How a provider's tokens look. */
export interface TokenShape {
  readonly accessPrefix: string;
  readonly refreshPrefix: string;
  /** Characters after the prefix: letters and digits. */
  readonly accessLength: number;
  readonly refreshLength: number;
  /** Of an access token. Unit: seconds. */
  readonly lifetimeSeconds: number;
}

interface Granted {
  readonly user: string;
  readonly pair: TokenPair;
  /** Unit: milliseconds since 1970. */
  expiresAt: number;
}

function randomText(length: number): string {
  let text = "";
  while (text.length < length)
    text += randomBytes(length)
      .toString("base64")
      .replaceAll(/[^A-Za-z0-9]/g, "");
  return text.slice(0, length);
}

/** The app that asks for tokens: one registered client, with a secret of this sandbox. */
export interface OAuthClient {
  readonly clientId: string;
  readonly clientSecret: string;
}

/** The tokens of one provider. */
export class UserTokens {
  readonly client: OAuthClient;
  readonly #shape: TokenShape;
  #granted: readonly Granted[] = [];

  constructor(shape: TokenShape, client: OAuthClient) {
    this.#shape = shape;
    this.client = client;
  }

  /** A user agrees: a new pair beside those that are there. */
  issue(user: string): TokenPair {
    const { accessPrefix, accessLength, refreshPrefix, refreshLength, lifetimeSeconds } = this.#shape;
    const pair: TokenPair = {
      accessToken: accessPrefix + randomText(accessLength),
      refreshToken: refreshPrefix + randomText(refreshLength),
      expiresIn: lifetimeSeconds,
    };
    this.#granted = [...this.#granted, { user, pair, expiresAt: Date.now() + lifetimeSeconds * 1000 }];
    return pair;
  }

  /** @returns whose access token this is, or null when it is unknown, expired or replaced. */
  userOf(accessToken: string): string | null {
    const granted = this.#granted.find(({ pair }) => pair.accessToken === accessToken);
    return granted && granted.expiresAt > Date.now() ? granted.user : null;
  }

  /** Exchanges a refresh token; it and its access token are gone afterwards. @returns null when it is not one. */
  refresh(refreshToken: string): TokenPair | null {
    const granted = this.#granted.find(({ pair }) => pair.refreshToken === refreshToken);
    if (!granted) return null;
    this.#granted = this.#granted.filter((other) => other !== granted);
    return this.issue(granted.user);
  }

  /** The access tokens of a user end now, earlier than anybody was told. */
  expire(user: string): void {
    for (const granted of this.#granted) if (granted.user === user) granted.expiresAt = 0;
  }

  /** A user takes back what was agreed: access and refresh tokens are gone. */
  revoke(user: string): void {
    this.#granted = this.#granted.filter((granted) => granted.user !== user);
  }

  /** Every value that must never be seen, for searches in this process. */
  secrets(): readonly string[] {
    return [this.client.clientSecret, ...this.#granted.flatMap(({ pair }) => [pair.accessToken, pair.refreshToken])];
  }
}

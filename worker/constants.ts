/** Every limit of the gateway, with its unit in the name and its source beside it. Settings of an installation are in GatewayConfig. */

/** A JSON-RPC request larger than this is refused; equals the origins' own limit. */
export const MAX_BODY_BYTES = 4 * 1024 * 1024;
/** Bodies up to this size are kept so that a failed request can be sent to the other origin. */
export const REPLAY_BODY_BYTES = 256 * 1024;
/** The body of a refused request is read up to this size and time, so that the answer survives on the wire. */
export const DRAIN_BYTES = 64 * 1024;
export const DRAIN_MS = 1000;
/** Sum of names, values and separators of the client's headers; equals the origins' own limit. */
export const MAX_HEADER_BYTES = 32 * 1024;
/** Of these, what is sent on to an origin: with the gateway's own it stays below what the platforms' proxies take. */
export const MAX_FORWARDED_HEADER_BYTES = 16 * 1024;
/** `Mcp-Param-*` headers of one request; some proxies take no more than a hundred headers. */
export const MAX_HEADER_PARAMETERS = 64;
/** MCP has no use for a query; what there is, is looked through for tokens and dropped. */
export const MAX_QUERY_CHARACTERS = 8192;

/** A Supabase access token has about 1 KB; 8 KB is the usual limit of one header line. */
export const MAX_TOKEN_CHARACTERS = 8192;
export const MAX_JOSE_HEADER_BYTES = 1024;
/** Ids in use are thumbprints, UUIDs and now and then a URL. */
export const MAX_KID_CHARACTERS = 256;
/** Clock difference that is forgiven on `exp`, `nbf` and `iat`. */
export const CLOCK_TOLERANCE_SECONDS = 30;
/** Verified tokens kept per isolate (about 300 bytes each). */
export const TOKEN_CACHE_ENTRIES = 5000;
/** RFC 7518 §3.3: RSA keys of 2048 bits or more. */
export const MIN_RSA_BITS = 2048;
/** RFC 7518 §3.4: r and s of P-256, 32 bytes each. */
export const ES256_SIGNATURE_BYTES = 64;

/** Key set: used without question. */
export const JWKS_FRESH_MS = 10 * 60_000;
/** Key set: used while a refresh runs behind the request. */
export const JWKS_STALE_MS = 60 * 60_000;
/** Key set: used only when a refresh just failed; afterwards nothing is accepted. */
export const JWKS_EXPIRED_MS = 24 * 60 * 60_000;
/** One network attempt per isolate in this time, failures included, as long as only the age of the keys asks for it. */
export const JWKS_ATTEMPT_INTERVAL_MS = 30_000;
/** Attempts of an isolate in that time when tokens name keys that it does not know: the bound of a flood of made-up key ids. */
export const JWKS_ATTEMPTS = 3;
/** An isolate without any keys may try again after these times. */
export const JWKS_COLD_RETRY_MS = [1000, 2000, 4000, 8000, 16_000] as const;
/** How long one request waits for a fetch that it or another request started. */
export const JWKS_WAIT_MS = 1500;
export const JWKS_FETCH_TIMEOUT_MS = 3000;
/** Room for a hundred RSA keys with the certificate chains that some issuers add. */
export const JWKS_MAX_BYTES = 256 * 1024;
/** Usable keys that are taken from a set; each costs an import. */
export const JWKS_MAX_KEYS = 100;
/** Key ids of which the issuer's set said, after they were asked for, that they do not exist. */
export const JWKS_MISSING_ENTRIES = 256;
export const JWKS_MISSING_MS = 30_000;
/** A purge is looked for behind a request after the first, in front of it after the second time. */
export const JWKS_PURGE_LOOK_MS = 30_000;
export const JWKS_PURGE_SEEN_MS = 60_000;

/** The issuer's metadata: used without question, used while the issuer cannot be reached, asked for again after a failure. */
export const ISSUER_METADATA_FRESH_MS = 10 * 60_000;
export const ISSUER_METADATA_EXPIRED_MS = 24 * 60 * 60_000;
export const ISSUER_METADATA_PAUSE_MS = 30_000;
export const ISSUER_METADATA_MAX_BYTES = 64 * 1024;

/** KV refuses a shorter expiry and a shorter edge cache (developers.cloudflare.com/kv/api). */
export const KV_MIN_SECONDS = 60;
/** A marker in KV is looked at once per user, isolate and this time. */
export const MARKER_CACHE_MS = 60_000;
export const MARKER_CACHE_ENTRIES = 5000;
/** So many refusals within the window block a user for a while. */
export const BLOCK_AFTER_REFUSALS = 50;
export const BLOCK_WINDOW_MS = 60_000;
/** One refusal in this time counts, however many calls a model made at once. */
export const BLOCK_COUNT_EVERY_MS = 100;
/** A block, and the ones after it: whoever goes on as before once it is over is blocked for longer. */
export const BLOCKS_MS = [60_000, 300_000, 900_000] as const;
/** A user who was not blocked for so long begins with the first again. */
export const BLOCK_FORGOTTEN_MS = 600_000;
/** A burst object that does not answer in this time counts as failed. */
export const BURST_TIMEOUT_MS = 1000;
/** A request taken in advance is void after this time at the latest. */
export const LEASE_MS = 1000;
/** A user whose object did not answer is counted here for so long, before it is asked again. */
export const BURST_SILENT_MS = 10_000;
/** Requests that may start at once, where the configuration does not say. */
export const BURST_DEPTH = 30;
/** A small excess waits so long at most before anything is refused. */
export const SHAPE_WAIT_MS = 1000;
/** Requests of one isolate that wait for their start. */
export const SHAPE_WAITING = { perUser: 100, total: 500 } as const;
/** Users of the isolate-local limiter that stands in for a failed burst object. */
export const BURST_FALLBACK_ENTRIES = 5000;

/**
 * Requests under way: of a user, and of all users of one isolate. Room for more than a whole turn of a model whose tools are slow; what
 * a user can start is bounded by the burst.
 */
export const UNDER_WAY = { perUser: 64, total: 2000 } as const;
/** Bytes of bodies over 16 KiB that are kept: ten users who fill theirs leave room for others. An isolate has 128 MB. */
export const BODIES = { perUser: 4 * 1024 * 1024, total: 48 * 1024 * 1024 } as const;
/** A place is given back by then, whatever became of its request: an upload and the longest answer. */
export const PLACE_MS = 180_000;
/** An event stream ends by then; whoever listens asks again. */
export const STREAM_MS = 15 * 60_000;
/** The id of a call that is refused is looked for in a body of this size that is there within this time. */
export const ID_BODY_BYTES = 64 * 1024;
export const ID_WAIT_MS = 250;

/** Until the response headers: of an origin that answered lately, and of one that may be asleep. */
export const FIRST_BYTE_WARM_MS = 5000;
export const FIRST_BYTE_COLD_MS = 15_000;
/** An origin that answered within this time is awake. */
export const ORIGIN_WARM_MS = 120_000;
/** For the rest of a body that is too large to be kept. */
export const UPLOAD_MS = 60_000;
/** Between two chunks of a stream; the origins send a comment every 15 s. */
export const STREAM_IDLE_MS = 60_000;
/** An answer without a declared length is read up to this size before it is passed on, because nothing else shows that it was cut. */
export const WHOLE_ANSWER_BYTES = 1024 * 1024;
/** An answer above this is not in the buffers of a client that does not read: its place is held until it was taken. */
export const BUFFERED_ANSWER_BYTES = 64 * 1024;
/** Of a stream that flows without a pause, before the others have their turn; each chunk counts as so much at least. */
export const TURN_BYTES = 64 * 1024;
export const TURN_CHUNK_BYTES = 1024;
/** Whole answer that is not a stream. */
export const TOTAL_MS = 120_000;
/** Between two probes of an origin that is suspected or down. */
export const PROBE_PAUSE_MS = 2000;
/** A probe that finds nobody is made once more after this time, before an origin is left alone. */
export const PROBE_AGAIN_MS = 1000;
/** A probe whose owner died is waited for no longer: two attempts of the longest kind. */
export const PROBE_LEASE_MS = 32_000;
/** A user whose request failed at an origin prefers the other one for so long. */
export const AVOIDED_MS = 10_000;
export const AVOIDED_ENTRIES = 5000;
/** Retries are at most this share of a user's requests, plus a reserve as large as a turn of parallel calls. */
export const RETRY_SHARE = 0.1;
export const RETRY_RESERVE = 30;
export const RETRY_USERS = 5000;

/** Cron: one look at each origin. */
export const HEALTH_TIMEOUT_MS = 15_000;
/** How long a health transition stays in KV when no cron run renews it. */
export const HEALTH_TTL_SECONDS = 3600;
/** Such an entry is written again after this time. */
export const HEALTH_RENEW_MS = (HEALTH_TTL_SECONDS * 1000) / 2;
/** How long an isolate believes what it read about an origin's health. */
export const HEALTH_CACHE_MS = 60_000;
/** A probe through `?origin=` waits this long: the origin may have to wake up. */
export const PROBE_TIMEOUT_MS = 15_000;
export const PROBE_MAX_BYTES = 64 * 1024;

/** Equal log lines within this time become one line with a count. */
export const LOG_COLLAPSE_MS = 10_000;
export const LOG_COLLAPSE_ENTRIES = 1000;
/** Lines about strangers in that time, whose addresses have no bound: of an IPv6 /48 there are 65,536 that are counted apart. */
export const LOG_STRANGERS = 100;
/** Counts that wait for their end at once, each with a finished request; of more the count comes with the next line, if there is one. */
export const LOG_HELD = 50;

/** Seconds a client should wait, by cause. */
export const RETRY_AFTER_ADDRESS_SECONDS = 60;
export const RETRY_AFTER_JWKS_SECONDS = 5;
export const RETRY_AFTER_METADATA_SECONDS = 10;
export const RETRY_AFTER_ROUTE_SECONDS = 10;

/** OAuth scope that a client is asked to request. Supabase scopes shape ID data; permissions are the origin's. */
export const CHALLENGE_SCOPE = "email";

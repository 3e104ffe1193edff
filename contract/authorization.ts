/** How a platform's token is sent. Fly.io's may bring its own scheme with it; no other platform's begins so. */

/** @returns value of the header `Authorization`. */
export const authorizationOf = (token: string): string => (token.startsWith("FlyV1 ") ? token : `Bearer ${token}`);

/** Which URLs stay on this machine. */

/** True for a host that is this machine, as `URL.hostname` writes it. */
export const isLoopbackHost = (hostname: string): boolean => /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname);

/** True for a URL whose host is this machine; false for text that is no URL. */
export const isLoopbackUrl = (text: string): boolean => URL.canParse(text) && isLoopbackHost(new URL(text).hostname);

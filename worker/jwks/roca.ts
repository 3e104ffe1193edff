/**
 * Moduli of the faulty smart-card library behind CVE-2017-15361 ("ROCA"): their private keys can be computed from the public ones.
 * Every such modulus is a power of 65537 modulo each small prime; of the others one in 2^27 or so is.
 */

/** Small primes modulo which 65537 does not generate everything, so that a power of it says something. */
const PRIMES = [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157] as const;
const GENERATOR = 65537;

const remainder = (bytes: Uint8Array, prime: number): number =>
  bytes.reduce((rest, byte) => (rest * 256 + byte) % prime, 0);

/** True when `wanted` is a power of the generator modulo the prime. */
function isPower(wanted: number, prime: number): boolean {
  let power = 1;
  do {
    if (power === wanted) return true;
    power = (power * GENERATOR) % prime;
  } while (power !== 1);
  return false;
}

/** True when an RSA modulus (big-endian) has the mark of the faulty library. */
export const isRocaModulus = (modulus: Uint8Array): boolean =>
  PRIMES.every((prime) => isPower(remainder(modulus, prime), prime));

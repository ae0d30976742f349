const lastDigits = Array.from({ length: 1_000 }, (_, n) => String(n).padStart(3, '0'))

/**
 * Whole numbers as text, each a little more than the one before. V8 keeps the texts of the numbers that it spelled last, in case they
 * are asked for again, and the collector moves what it keeps to the old generation: where every number is a new one, that is all of them.
 */
export class Rising {
  private thousands = 0
  private text = ''

  spell(n: number): string {
    if (!(n >= 1_000 && Number.isSafeInteger(n))) return String(n)
    const thousands = Math.floor(n / 1_000)
    if (thousands !== this.thousands) {
      this.thousands = thousands
      this.text = String(thousands)
    }
    return this.text + lastDigits[n - thousands * 1_000]
  }
}

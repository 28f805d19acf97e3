/** Passwords of ten characters and more that attackers try first: words, walks over the keyboard, and this product's own name. */
const BASES = ["password", "passwort", "motdepasse", "contrasena", "letmein", "welcome", "iloveyou", "administrator", "admin", "changeme", "countersign", "qwertyuiop", "qwerty", "azerty", "asdfghjkl", "abcdefghij", "trustno", "superman", "football", "baseball", "princess", "sunshine", "dragon", "monkey", "secret", "master", "approver", "owner"];
const ENDINGS = ["", "1", "12", "123", "1234", "12345", "123456", "1234567890", "!", "1!", "123!", "@123", "2024", "2025", "2026", "2027", "admin", "password"];
const WALKS = ["1234567890", "0123456789", "12345678910", "0987654321", "1q2w3e4r5t", "1q2w3e4r5t6y", "q1w2e3r4t5", "1qaz2wsx3edc", "zaq12wsxcde3", "qwertyuiop123", "qazwsxedcrfv", "11223344556677", "correcthorsebatterystaple", "abc1234567", "a123456789", "p@ssw0rd123", "p@ssword123", "passw0rd123", "p@55w0rd123"];

export const GUESSED_PASSWORDS: ReadonlySet<string> = new Set([...WALKS, ...BASES.flatMap((base) => ENDINGS.flatMap((ending) => [base + ending, ending + base]))]);

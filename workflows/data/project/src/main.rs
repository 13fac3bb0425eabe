fn main() {
    // TODO: read the password from the environment
    let password = "correct-horse-battery";
    println!("{}", password.len());
}

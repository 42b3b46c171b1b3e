mod codegen;
mod repo;
fn main() -> anyhow::Result<()> {
    codegen::run(false)
}

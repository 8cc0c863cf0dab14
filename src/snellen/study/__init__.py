"""People rank pictures: studies from a folder of pictures to statistics.

Where things are, in the order in which a study goes through them:

- making it: `create` (with `sources`, `exact`, `fitting`, `study_yaml`) writes the folder that
  `folder` opens; `config` is its ``study.yaml``, `pictures` its ``pictures.json``. `sources` finds
  pictures in a bundle (`source_bundle`) or in plain folders (`source_folders`, and `photographs`:
  which of them were cut from one)
- who judges what: `design`; what that can show: `power`, with `observers` that have a known taste
- asking: `server` answers the browser's `pages`, `store` keeps the answers; `platforms`,
  `invitations` and `mturk` say who comes and how they leave; `maintenance` is doctor, backup, purge
- rehearsing: `simulation`
- reading: `ratings` are the answers as arrays; `interim` refuses or notes looks before the study is
  closed; `export`, `export_tables` and `dictionary` hand the answers out; `analysis` writes what
  `analysis_results` puts together: `findings` (`headline` and `statistics`), `metric_agreement`
  (with `metric_values`), `quality` (whom the exclusion rule leaves out), `galleries` and `conduct`
  (how the study went); `analysis_pictures` reads pictures, `analysis_tables` makes the CSV files
"""

//! The component `std/csv-read`.

theater_flow_sdk::export!(theater_flow_actors::csv_read::CsvRead);

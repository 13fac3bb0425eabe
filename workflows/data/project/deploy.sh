#!/bin/sh
# FIXME: this is the key of the examples in Amazon's documents
export AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE
aws s3 sync ./site s3://example

require_relative '../shop'

RSpec.describe 'total' do
  it('adds prices') { expect(total([1, 2.5])).to eq 3.5 }
  it('is nothing without prices') { expect(total([])).to eq 0 }
end
